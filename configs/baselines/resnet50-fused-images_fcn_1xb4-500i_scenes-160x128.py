# ResNet-50 on fused images, the way the literature compares fusion methods. tools/benchmark.py writes them itself;
# for other tools:
#   for split in train test; do python tools/fuse.py data/scenes/$split/vi data/scenes/$split/ir \
#       --target off --out-dir data/scenes/$split/fused; done
_base_ = './resnet50-visible_fcn_1xb4-500i_scenes-160x128.py'
fused_images = True
train_dataloader = dict(dataset=dict(data_prefix=dict(img_path='train/fused')))
val_dataloader = dict(dataset=dict(data_prefix=dict(img_path='test/fused')))
test_dataloader = val_dataloader
