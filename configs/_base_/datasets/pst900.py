# PST900: {train,test}/{rgb,thermal,labels}, 1280×720. It has no validation part: the test part is evaluated while
# training too, so take the last checkpoint, never the best.
_base_ = './paired_segmentation.py'

scaling = [dict(type='RandomResize', scale=(1280, 720), ratio_range=(0.5, 2.0), keep_ratio=True)]
train_pipeline = [
    *_base_.loading,
    *_base_.photometric,
    *_base_.pairing,
    *scaling,
    *_base_.cropping,
    *_base_.flipping,
    *_base_.packing,
]
dataset = dict(type='mmdefusion.PST900Dataset', data_root='data/PST900/')
test_part = dict(
    **dataset, data_prefix=dict(img_path='test/rgb', img_ir_path='test/thermal', seg_map_path='test/labels')
)
train_dataloader = dict(
    dataset=dict(
        **dataset,
        data_prefix=dict(img_path='train/rgb', img_ir_path='train/thermal', seg_map_path='train/labels'),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
