# Generated scenes (tools/dataset_converters/generate_scenes.py data/scenes) with label maps.
classes = ('background', 'person', 'car', 'cone')
palette = [[0, 0, 0], [230, 60, 80], [60, 130, 240], [250, 170, 30]]
dataset = dict(
    type='mmdefusion.PairedSegDataset',
    data_root='data/scenes',
    metainfo=dict(classes=classes, palette=palette),
)
meta_keys = ('img_path', 'img_ir_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape', 'scale_factor', 'flip')
meta_keys += ('flip_direction', 'reduce_zero_label')
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mmdefusion.AppendPartner'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
# test-time augmentation (--tta): the pair and its mirror image
tta_pipeline = [
    *test_pipeline[:2],
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [test_pipeline[2]],
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
        data_prefix=dict(img_path='train/vi', img_ir_path='train/ir', seg_map_path='train/labels'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='mmdefusion.AppendPartner'),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackSegInputs', meta_keys=meta_keys),
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
        data_prefix=dict(img_path='test/vi', img_ir_path='test/ir', seg_map_path='test/labels'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
night = r'N\.png$'  # what tools/benchmark.py takes for night
