# A shorter run, for pairs of 640×512.
_base_ = './detection_84k.py'

max_iters = 24000
train_cfg = dict(max_iters=max_iters, val_interval=3000)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(type='MultiStepLR', by_epoch=False, begin=0, end=max_iters, milestones=[21333, 23111], gamma=0.1),
]
