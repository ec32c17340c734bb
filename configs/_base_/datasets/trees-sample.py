# The 240 aerial tiles beside a developer's checkout (160 to train, 80 to test): colour, near infrared, and which pixels
# are standing dead trees.
_base_ = './paired_segmentation.py'

data_root = '../shared/data/trees_nir/'
crop_size = (320, 320)
train_pipeline = [
    *_base_.train_pipeline[:4],
    dict(type='RandomResize', scale=(384, 384), ratio_range=(0.9, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    *_base_.train_pipeline[6:],
]
test_pipeline = [
    *_base_.test_pipeline[:2],
    dict(type='Resize', scale=(384, 384), keep_ratio=True),
    *_base_.test_pipeline[2:],
]

dataset = dict(
    type='mmdefusion.PairedSegDataset',
    metainfo=dict(classes=('background', 'dead tree'), palette=[[0, 0, 0], [220, 20, 60]]),
    img_suffix='.jpg',
    ir_suffix='.jpg',
    data_root=data_root,
)
test_part = dict(
    **dataset,
    data_prefix=dict(img_path='test/rgb', img_ir_path='test/nir', seg_map_path='test/labels'),
    pipeline=test_pipeline,
)
train_dataloader = dict(
    num_workers=2,
    dataset=dict(
        **dataset,
        data_prefix=dict(img_path='train/rgb', img_ir_path='train/nir', seg_map_path='train/labels'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
