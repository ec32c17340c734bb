# A smoke test on real pairs: 40 to train on, 20 to test, in a quarter of an hour on two CPU cores. From random weights
# it shows that everything is wired up, not how good the method is; hence the small encoder and the narrow heads.
_base_ = [
    '../_base_/models/faster-rcnn_defusionpp-tiny.py',
    '../_base_/datasets/flir-sample.py',
    '../_base_/schedules/detection_24k.py',
    '../_base_/detection_runtime.py',
]
embed_dims = 96
channels = 96
model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=embed_dims, depth=4, num_heads=4, last_num_heads=4), drop_path_rate=0.0
    ),
    neck=[
        dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims),
        dict(type='mmdefusion.SimpleFeaturePyramid', embed_dims=embed_dims, out_channels=channels, num_outs=5),
    ],
    rpn_head=dict(in_channels=channels, feat_channels=channels, num_convs=1),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=channels),
        bbox_head=dict(
            _delete_=True,
            type='Shared2FCBBoxHead',
            in_channels=channels,
            fc_out_channels=256,
            roi_feat_size=7,
            num_classes=3,
            bbox_coder={{_base_.model.roi_head.bbox_head.bbox_coder}},
            loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
            loss_bbox=dict(type='L1Loss', loss_weight=1.0),
        ),
    ),
    train_cfg=dict(rpn_proposal=dict(max_per_img=300), rcnn=dict(sampler=dict(num=128))),
    test_cfg=dict(rpn=dict(max_per_img=300)),
)

max_iters = 1000
train_cfg = dict(max_iters=max_iters, val_interval=250)
# nothing is pretrained: one learning rate for all
optim_wrapper = dict(
    optimizer=dict(lr=5e-4, weight_decay=0.05),
    paramwise_cfg=dict(layer_decay_rate=1.0),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters),
]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=250))
randomness = dict(seed=0)
