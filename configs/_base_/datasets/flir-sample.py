# The 60 FLIR pairs beside a developer's checkout (40 to train, 20 to test) in COCO's format, at half size.
_base_ = './paired_detection.py'

data_root = '../shared/data/flir_aligned/'
image_size = (320, 256)
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
tta_pipeline = [
    *_base_.tta_pipeline[:2],
    dict(type='TestTimeAug', transforms=[[test_pipeline[2]], *_base_.tta_pipeline[2].transforms[1:]]),
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
