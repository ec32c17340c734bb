# M3FD: Vis/, Ir/, Annotation/, with large-scale jitter at 1024². M3FD has no official split; this one is ours (see
# docs/datasets.md). For a published list, set ann_file and split=None.
_base_ = './paired_detection.py'

image_size = (1024, 1024)
geometric = [
    dict(type='RandomResize', scale=image_size, ratio_range=(0.1, 2.0), keep_ratio=True),
    dict(
        type='RandomCrop',
        crop_type='absolute_range',
        crop_size=image_size,
        recompute_bbox=True,
        allow_negative_crop=True,
    ),
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

dataset = dict(type='mmdefusion.M3FDDataset', data_root='data/M3FD/')
train_dataloader = dict(dataset=dict(**dataset, split='train', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**dataset, split='val', pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, split='test', pipeline=test_pipeline))
