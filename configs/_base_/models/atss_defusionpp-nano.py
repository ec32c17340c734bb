# A detector small enough for a CPU: ATSS with a light head over four fused levels of a four-layer encoder.
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
    train_cfg=dict(assigner=dict(type='ATSSAssigner', topk=9, ignore_iof_thr=0.5), allowed_border=-1, pos_weight=-1),
    test_cfg=dict(
        nms_pre=1000, min_bbox_size=0, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.6), max_per_img=100
    ),
)
