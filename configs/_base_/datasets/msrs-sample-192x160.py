# The sample of MSRS pairs at less than a third of their size, for benchmarks on a CPU.
_base_ = './msrs-sample.py'

image_size = (192, 160)
geometric = [
    dict(type='RandomResize', scale=image_size, ratio_range=(0.8, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=image_size[::-1], recompute_bbox=True, allow_negative_crop=True),
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
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
night = r'N\.\w+$'  # night images for tools/benchmark.py
