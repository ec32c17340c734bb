# A smoke test on real pairs: 40 to train on, 20 to test, in a quarter of an hour on two CPU cores. From random weights
# it shows that everything is wired up, not how good the method is; hence the small encoder and the light head.
_base_ = [
    '../_base_/models/atss_defusionpp-nano.py',
    '../_base_/datasets/flir-sample.py',
    '../_base_/schedules/detection_24k.py',
    '../_base_/detection_runtime.py',
]
max_iters = 600
train_cfg = dict(max_iters=max_iters, val_interval=200)
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
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
randomness = dict(seed=0)
