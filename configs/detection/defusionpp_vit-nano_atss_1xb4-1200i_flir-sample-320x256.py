# A smoke test on real pairs: 40 to train on, 20 to test, in a quarter of an hour on two CPU cores. From random weights
# it shows that everything is wired up, not how good the method is; hence the small encoder and the light head.
_base_ = [
    '../_base_/datasets/flir-sample.py',
    '../_base_/schedules/detection_24k.py',
    '../_base_/detection_runtime.py',
]
embed_dims = 96
channels = 64
model = dict(
    type='ATSS',
    data_preprocessor=dict(type='mmdefusion.PairedDetDataPreprocessor', pad_size_divisor=32),
    backbone=dict(
        type='mmdefusion.DeFusionEncoder',
        arch=dict(embed_dims=embed_dims, depth=4, num_heads=4, last_num_heads=4),
        drop_path_rate=0.0,
    ),
    neck=[
        dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims),
        dict(type='mmdefusion.FusedPyramid', embed_dims=embed_dims, out_channels=channels, layers=(1, 2, 3)),
    ],
    bbox_head=dict(
        type='ATSSHead',
        num_classes=3,
        in_channels=channels,
        feat_channels=channels,
        stacked_convs=1,
        anchor_generator=dict(
            type='AnchorGenerator', ratios=[1.0], octave_base_scale=4, scales_per_octave=1, strides=[4, 8, 16, 32]
        ),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[0.0, 0.0, 0.0, 0.0], target_stds=[0.1, 0.1, 0.2, 0.2]),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
        loss_bbox=dict(type='GIoULoss', loss_weight=2.0),
        loss_centerness=dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0),
    ),
    train_cfg=dict(assigner=dict(type='ATSSAssigner', topk=9), allowed_border=-1, pos_weight=-1),
    test_cfg=dict(
        nms_pre=1000, min_bbox_size=0, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.6), max_per_img=100
    ),
)

max_iters = 1200
train_cfg = dict(max_iters=max_iters, val_interval=300)
# nothing is pretrained: one learning rate for all
optim_wrapper = dict(
    optimizer=dict(lr=1e-3, weight_decay=0.05),
    paramwise_cfg=dict(layer_decay_rate=1.0),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters),
]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=300))
randomness = dict(seed=0)
