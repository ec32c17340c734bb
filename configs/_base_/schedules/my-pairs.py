# How long to train on your own pairs: fill in the lines marked with "<-" of a copy, and name it in _base_ of a config.
_base_ = './zoo_500i.py'

max_iters = 2000  # <- iterations, of batch_size pairs each; 500 are a trial (docs/tutorials/my_data.md)
val_interval = 500  # <- iterations from one validation to the next

train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters),
]
