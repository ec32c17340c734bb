# Generated scenes (tools/dataset_converters/generate_scenes.py data/scenes) with label maps.
_base_ = './paired_segmentation.py'

train_pipeline = [*_base_.loading, *_base_.pairing, *_base_.flipping, *_base_.packing]
tta_pipeline = [
    *_base_.reading,
    dict(type='TestTimeAug', transforms=[_base_.mirroring, _base_.labelling, _base_.packing]),
]

classes = ('background', 'person', 'car', 'cone')
palette = [[0, 0, 0], [230, 60, 80], [60, 130, 240], [250, 170, 30]]
dataset = dict(
    type='mmdefusion.PairedSegDataset',
    data_root='data/scenes',
    metainfo=dict(classes=classes, palette=palette),
)
test_part = dict(
    **dataset,
    data_prefix=dict(img_path='test/vi', img_ir_path='test/ir', seg_map_path='test/labels'),
)
train_dataloader = dict(
    num_workers=2,
    dataset=dict(
        **dataset,
        data_prefix=dict(img_path='train/vi', img_ir_path='train/ir', seg_map_path='train/labels'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
night = r'N\.png$'  # night images for tools/benchmark.py
