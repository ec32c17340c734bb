# For two CPU cores: bfloat16, and one learning rate that rises and falls.
max_iters = 1000
train_cfg = dict(type='mmdefusion.PretrainLoop', max_iters=max_iters, val_interval=250)
optim_wrapper = dict(
    type='mmdefusion.BFloat16OptimWrapper',
    optimizer=dict(type='AdamW', lr=3e-4, betas=(0.9, 0.98), weight_decay=0.01, fused=True),
    clip_grad=dict(max_norm=20.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters),
]
