# Generated scenes (tools/dataset_converters/generate_scenes.py data/scenes) with boxes.
classes = ('person', 'car', 'cone')
palette = [(230, 60, 80), (60, 130, 240), (250, 170, 30)]
dataset = dict(
    type='mmdefusion.PairedCocoDataset',
    data_root='data/scenes',
    metainfo=dict(classes=classes, palette=palette),
)
meta_keys = ('img_id', 'img_path', 'img_ir_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction')
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmdefusion.AppendPartner'),
    dict(type='Resize', scale=(160, 128), keep_ratio=True),
    dict(type='PackDetInputs', meta_keys=meta_keys),
]
# test-time augmentation (--tta): the pair and its mirror image
tta_pipeline = [
    *test_pipeline[:2],
    dict(
        type='TestTimeAug',
        transforms=[
            [test_pipeline[2]],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [test_pipeline[3]],
        ],
    ),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        **dataset,
        ann_file='train.json',
        data_prefix=dict(img='train/vi', img_ir='train/ir'),
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True),
            dict(type='mmdefusion.AppendPartner'),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackDetInputs', meta_keys=meta_keys),
        ],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **dataset,
        ann_file='test.json',
        data_prefix=dict(img='test/vi', img_ir='test/ir'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='CocoMetric', ann_file='data/scenes/test.json', metric='bbox')
test_evaluator = val_evaluator
night = r'N\.png$'  # what tools/benchmark.py takes for night
