# The sample of 240 aerial tiles (docs/datasets.md, "Samples"), 160 to train, 80 to test: colour, near infrared, and
# which pixels are standing dead trees.
_base_ = './paired_segmentation.py'

data_root = 'data/sample/trees_nir/'
image_size = (384, 384)
# Tiles are nearly square. They are made square in training, so that no crop is padded: mmseg 1.2.2 cannot weight the
# classes (class_weight) where a label is the padding's 255.
crop_size = (320, 320)
scaling = [dict(type='RandomResize', scale=image_size, ratio_range=(0.9, 1.5), keep_ratio=False)]
cropping = [dict(type='RandomCrop', crop_size=crop_size)]
train_pipeline = [
    *_base_.loading,
    *_base_.photometric,
    *_base_.pairing,
    *scaling,
    *cropping,
    *_base_.flipping,
    *_base_.packing,
]
resizing = [dict(type='Resize', scale=image_size, keep_ratio=True)]
test_pipeline = [*_base_.reading, *resizing, *_base_.labelling, *_base_.packing]
# test-time augmentation (--tta): smaller, as in a test, larger; each with its mirror image
sizes = [
    dict(type='Resize', scale=tuple(round(factor * side) for side in image_size), keep_ratio=True)
    for factor in (0.75, 1.0, 1.25)
]
tta_pipeline = [
    *_base_.reading,
    dict(type='TestTimeAug', transforms=[sizes, _base_.mirroring, _base_.labelling, _base_.packing]),
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
