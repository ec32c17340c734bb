# The demo's detector: the encoder and decomposition of the demo's segmenter under ViTDet's simple feature pyramid.
_base_ = [
    '../_base_/models/atss_defusionpp-nano.py',
    '../_base_/datasets/scenes-detection.py',
    '../_base_/detection_runtime.py',
]

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
    bbox_head=dict(num_classes=len(_base_.classes)),
    test_cfg=dict(nms_pre=300, nms=dict(iou_threshold=0.5), max_per_img=50),
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
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=60),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=60, end=max_iters),
]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=max_iters))
randomness = dict(seed=0)
