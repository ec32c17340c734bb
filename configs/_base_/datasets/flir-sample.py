# The sample of 60 FLIR pairs (docs/datasets.md, "Samples"): 40 to train, 20 to test, in COCO's format, at half size.
_base_ = './paired_detection.py'

data_root = 'data/sample/flir_aligned/'
image_size = (320, 256)
geometric = [
    dict(type='RandomResize', scale=image_size, ratio_range=(0.8, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=image_size, recompute_bbox=True, allow_negative_crop=True),
]
train_pipeline = [
    *_base_.loading,
    *_base_.photometric,
    *_base_.pairing,
    *geometric,
    *_base_.flipping,
    *_base_.packing,
]
resizing = [dict(type='Resize', scale=image_size, keep_ratio=True)]
test_pipeline = [*_base_.reading, *resizing, *_base_.labelling, *_base_.packing]
tta_pipeline = [
    *_base_.reading,
    dict(type='TestTimeAug', transforms=[resizing, _base_.mirroring, _base_.labelling, _base_.packing]),
]

dataset = dict(type='mmdefusion.FLIRAlignedDataset', data_root=data_root, data_prefix=dict(img='vi/', img_ir='ir/'))
test_part = dict(**dataset, ann_file='test.json', pipeline=test_pipeline)
train_dataloader = dict(
    num_workers=2,
    dataset=dict(**dataset, ann_file='train.json', pipeline=train_pipeline),
)
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
val_evaluator = dict(ann_file=data_root + 'test.json')
test_evaluator = dict(ann_file=data_root + 'test.json')
