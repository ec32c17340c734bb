# A smoke test on real pairs: 40 to train on, 20 to test, on two CPU cores in a quarter of an hour. From random weights
# it shows that everything is wired up, not how good the method is.
_base_ = [
    '../_base_/models/faster-rcnn_defusionpp-tiny.py',
    '../_base_/datasets/flir-sample.py',
    '../_base_/schedules/detection_24k.py',
    '../_base_/detection_runtime.py',
]
model = dict(
    backbone=dict(drop_path_rate=0.0),
    roi_head=dict(bbox_head=dict(num_classes=3)),
    # the four convolutions of the box head are most of the time on a CPU: fewer proposals
    train_cfg=dict(rpn_proposal=dict(max_per_img=200), rcnn=dict(sampler=dict(num=64))),
    test_cfg=dict(rpn=dict(max_per_img=100)),
)
train_dataloader = dict(batch_size=2)

max_iters = 300
train_cfg = dict(max_iters=max_iters, val_interval=100)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=1.0), clip_grad=dict(max_norm=1.0))  # nothing is pretrained
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=30, end=max_iters),
]
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=100))
