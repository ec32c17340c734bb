# FMB: {train,test}/{Visible,Infrared,Label}, 800×600. It has no validation part: the test part is evaluated while
# training too, so take the last checkpoint, never the best.
_base_ = './paired_segmentation.py'

scaling = [dict(type='RandomResize', scale=(800, 600), ratio_range=(0.5, 2.0), keep_ratio=True)]
train_pipeline = [
    *_base_.loading,
    *_base_.photometric,
    *_base_.pairing,
    *scaling,
    *_base_.cropping,
    *_base_.flipping,
    *_base_.packing,
]
dataset = dict(type='mmdefusion.FMBDataset', data_root='data/FMB/')
test_part = dict(
    **dataset, data_prefix=dict(img_path='test/Visible', img_ir_path='test/Infrared', seg_map_path='test/Label')
)
train_dataloader = dict(
    dataset=dict(
        **dataset,
        data_prefix=dict(img_path='train/Visible', img_ir_path='train/Infrared', seg_map_path='train/Label'),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
