# M3FD: Vis/, Ir/, Annotation/, with large-scale jitter at 1024². M3FD has no official split; this one is ours (see
# docs/datasets.md). For a published list, set ann_file and split=None.
_base_ = './paired_detection.py'

image_size = (1024, 1024)
train_pipeline = [
    *_base_.train_pipeline[:4],
    dict(type='RandomResize', scale=image_size, ratio_range=(0.1, 2.0), keep_ratio=True),
    dict(
        type='RandomCrop',
        crop_type='absolute_range',
        crop_size=image_size,
        recompute_bbox=True,
        allow_negative_crop=True,
    ),
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

dataset = dict(type='mmdefusion.M3FDDataset', data_root='data/M3FD/')
train_dataloader = dict(dataset=dict(**dataset, split='train', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**dataset, split='val', pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, split='test', pipeline=test_pipeline))
