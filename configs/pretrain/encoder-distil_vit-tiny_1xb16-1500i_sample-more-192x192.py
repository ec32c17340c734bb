# The encoder learns from DINOv2's tokens on single images, visible and infrared. It continues from the weights that
# come with the package; their skip feature, which carries the details, hardly changes, so that decomposition and heads
# keep fitting. Each image has one crop, which the teacher sees once and of which the student sees many parts. Averaged
# weights (EMA) make any checkpoint usable, so it can be stopped at any time.
_base_ = [
    '../_base_/models/distil_defusionpp-tiny.py',
    '../_base_/datasets/pretrain-sample-more.py',
    '../_base_/schedules/pretrain_sample.py',
    '../_base_/pretraining_runtime.py',
]
load_from = 'tiny'
pipeline = _base_.train_dataloader.dataset.pipeline
pipeline[1].size = 192
pipeline[1].scale = (0.3, 1.0)
train_dataloader = dict(sampler=dict(augmentations=1), dataset=dict(pipeline=pipeline))
val_dataloader = None
val_evaluator = None
val_cfg = None

max_iters = 1500
train_cfg = dict(max_iters=max_iters, val_interval=max_iters + 1)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05, fused=True),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={'backbone.patch_embed': dict(lr_mult=0.2), 'backbone.blocks.0.': dict(lr_mult=0.2)},
    ),
    clip_grad=dict(max_norm=3.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='LinearLR', start_factor=1.0, end_factor=0.1, by_epoch=False, begin=50, end=max_iters),
]
custom_hooks = [*_base_.guards, dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.01)]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=50, max_keep_ckpts=2))
