# The demo's segmenter: DeFusion++'s encoder, decomposition and fused pyramid, small enough to train on a CPU from
# random weights, on generated scenes (tools/dataset_converters/generate_scenes.py).
_base_ = ['../_base_/datasets/scenes-segmentation.py', '../_base_/segmentation_runtime.py']

embed_dims = 96
channels = 48
max_iters = 850

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='mmdefusion.PairedSegDataPreprocessor', size_divisor=32, seg_pad_val=255),
    backbone=dict(
        type='mmdefusion.DeFusionEncoder',
        arch=dict(embed_dims=embed_dims, depth=4, num_heads=4, last_num_heads=4),
        drop_path_rate=0.0,
    ),
    neck=[
        dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims),
        dict(type='mmdefusion.FusedPyramid', embed_dims=embed_dims, out_channels=channels, layers=(1, 2, 3)),
    ],
    decode_head=dict(
        type='FCNHead',
        in_channels=[channels] * 4,
        in_index=[0, 1, 2, 3],
        input_transform='resize_concat',
        channels=48,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=len(_base_.classes),
        norm_cfg=dict(type='BN'),
        align_corners=False,
        # people and cones fill about one pixel in a hundred
        loss_decode=dict(type='CrossEntropyLoss', class_weight=[0.35, 2.0, 0.7, 2.5]),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

# small images are loaded faster than passed between processes, and there is only one test, at the end
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(batch_size=2, **loader)
val_dataloader = val_evaluator = None
test_dataloader = loader

train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters + 1)
test_cfg = dict(type='mmdefusion.OneSizeTestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=60),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=60, end=max_iters),
]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=max_iters))
randomness = dict(seed=0)
