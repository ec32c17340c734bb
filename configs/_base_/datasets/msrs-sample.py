# The 338 labelled pairs of MSRS beside a developer's checkout (240 to train, 98 to test), in COCO's format and at half
# size.
_base_ = './paired_detection.py'

data_root = '../shared/data/msrs_det/'
image_size = (320, 240)
train_pipeline = [
    *_base_.train_pipeline[:4],
    dict(type='RandomResize', scale=image_size, ratio_range=(0.8, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=image_size[::-1], recompute_bbox=True, allow_negative_crop=True),
    *_base_.train_pipeline[6:],
]
test_pipeline = [
    *_base_.test_pipeline[:2],
    dict(type='Resize', scale=image_size, keep_ratio=True),
    *_base_.test_pipeline[3:],
]

dataset = dict(
    type='mmdefusion.PairedCocoDataset',
    data_root=data_root,
    data_prefix=dict(img='vi/', img_ir='ir/'),
    metainfo=dict(classes=('person', 'bicycle', 'car')),
)
test_part = dict(**dataset, ann_file='test.json', pipeline=test_pipeline)
train_dataloader = dict(num_workers=2, dataset=dict(**dataset, ann_file='train.json', pipeline=train_pipeline))
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
val_evaluator = dict(ann_file=data_root + 'test.json')
test_evaluator = dict(ann_file=data_root + 'test.json')
