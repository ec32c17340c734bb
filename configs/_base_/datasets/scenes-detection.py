# Generated scenes (tools/dataset_converters/generate_scenes.py data/scenes) with boxes.
_base_ = './paired_detection.py'

image_size = (160, 128)
mirrored = [dict(type='RandomFlip', prob=0.5)]
train_pipeline = [*_base_.loading, *_base_.pairing, *mirrored, *_base_.packing]
resizing = [dict(type='Resize', scale=image_size, keep_ratio=True)]
test_pipeline = [*_base_.reading, *resizing, *_base_.packing]
tta_pipeline = [
    *_base_.reading,
    dict(type='TestTimeAug', transforms=[resizing, _base_.mirroring, _base_.packing]),
]

classes = ('person', 'car', 'cone')
palette = [(230, 60, 80), (60, 130, 240), (250, 170, 30)]
dataset = dict(
    type='mmdefusion.PairedCocoDataset',
    data_root='data/scenes',
    metainfo=dict(classes=classes, palette=palette),
)
test_part = dict(
    **dataset,
    ann_file='test.json',
    data_prefix=dict(img='test/vi', img_ir='test/ir'),
    pipeline=test_pipeline,
)
train_dataloader = dict(
    num_workers=2,
    batch_sampler=None,  # all scenes have one shape
    dataset=dict(
        **dataset,
        ann_file='train.json',
        data_prefix=dict(img='train/vi', img_ir='train/ir'),
        filter_cfg=dict(_delete_=True, filter_empty_gt=True),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
val_evaluator = dict(ann_file='data/scenes/test.json')
test_evaluator = dict(ann_file='data/scenes/test.json')
night = r'N\.png$'  # night images for tools/benchmark.py
