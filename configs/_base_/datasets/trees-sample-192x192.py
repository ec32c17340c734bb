# The sample of aerial tiles at half its size, for benchmarks on a CPU.
_base_ = './trees-sample.py'

# Tiles are nearly square. They are made square in training, so that no crop is padded: mmseg 1.2.2 cannot weight the
# classes (class_weight) where a label is the padding's 255.
crop_size = (160, 160)
scaling = [dict(type='RandomResize', scale=(192, 192), ratio_range=(0.9, 1.5), keep_ratio=False)]
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
resizing = [dict(type='Resize', scale=(192, 192), keep_ratio=True)]
test_pipeline = [*_base_.reading, *resizing, *_base_.labelling, *_base_.packing]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
