# MSRS: {train,test}/{vi,ir,Segmentation_labels}. It has no validation part: the test part is evaluated while training
# too, so take the last checkpoint, never the best.
_base_ = './paired_segmentation.py'

dataset = dict(type='mmdefusion.MSRSDataset', data_root='data/MSRS/')
test_part = dict(
    **dataset,
    data_prefix=dict(img_path='test/vi', img_ir_path='test/ir', seg_map_path='test/Segmentation_labels'),
)
train_dataloader = dict(
    dataset=dict(
        **dataset,
        data_prefix=dict(img_path='train/vi', img_ir_path='train/ir', seg_map_path='train/Segmentation_labels'),
    )
)
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
night = r'N\.png$'  # night images for tools/benchmark.py
