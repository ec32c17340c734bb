# ResNet-18 on fused pictures; see resnet50-fused-images_atss_1xb4-500i_scenes-160x128.py.
_base_ = './resnet18-visible_atss_1xb4-500i_scenes-160x128.py'
fused_images = True
train_dataloader = dict(dataset=dict(data_prefix=dict(img='train/fused')))
val_dataloader = dict(dataset=dict(data_prefix=dict(img='test/fused')))
test_dataloader = val_dataloader
