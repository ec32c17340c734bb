# A smoke test on real pairs with label maps made of boxes: 40 to train on, 20 to test, on two CPU cores in a quarter of
# an hour. From random weights it shows that everything is wired up, not how good the method is.
_base_ = [
    '../_base_/models/upernet_defusionpp-tiny.py',
    '../_base_/datasets/flir-sample-masks.py',
    '../_base_/schedules/segmentation_80k.py',
    '../_base_/segmentation_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=(256, 320)),
    backbone=dict(drop_path_rate=0.0),
    decode_head=dict(num_classes=4, channels=128),
    auxiliary_head=dict(num_classes=4, channels=64),
    test_cfg=dict(_delete_=True, mode='whole'),
)

max_iters = 300
train_cfg = dict(max_iters=max_iters, val_interval=100)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=1.0), clip_grad=dict(max_norm=1.0))  # nothing is pretrained
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=30, end=max_iters),
]
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=100))
