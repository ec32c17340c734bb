# The demo's detector: the encoder and decomposition of the demo's segmenter under ViTDet's simple feature pyramid.
_base_ = ['../_base_/models/atss_defusionpp-nano.py', '../_base_/detection_runtime.py']

classes = ('person', 'car', 'cone')
palette = [(230, 60, 80), (60, 130, 240), (250, 170, 30)]
embed_dims = 96
max_iters = 500

model = dict(
    neck=[
        dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims),
        dict(
            type='mmdefusion.SimpleFeaturePyramid',
            embed_dims=embed_dims,
            hidden_dims=2 * embed_dims,
            out_channels=64,
            num_outs=4,
        ),
    ],
    bbox_head=dict(num_classes=len(classes)),
    test_cfg=dict(nms_pre=300, nms=dict(iou_threshold=0.5), max_per_img=50),
)

dataset = dict(
    type='mmdefusion.PairedCocoDataset',
    data_root='data/scenes',
    metainfo=dict(classes=classes, palette=palette),
)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
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
            dict(type='PackDetInputs'),
        ],
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **dataset,
        ann_file='test.json',
        data_prefix=dict(img='test/vi', img_ir='test/ir'),
        test_mode=True,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='mmdefusion.AppendPartner'),
            dict(type='Resize', scale=(160, 128), keep_ratio=True),
            dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
        ],
    ),
)
test_evaluator = dict(type='CocoMetric', ann_file='data/scenes/test.json', metric='bbox')

train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters + 1)
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=60),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=60, end=max_iters),
]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=max_iters))
randomness = dict(seed=0)
