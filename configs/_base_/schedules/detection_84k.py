# The paper's code: AdamW 2e-4, layer decay 0.7, 84k iterations of 4 pairs; the steps are ViTDet's, at 8/9 and 26/27.
max_iters = 84000
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=5000)
val_cfg = dict(type='mmdefusion.OneSizeValLoop')
test_cfg = dict(type='mmdefusion.OneSizeTestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-4, betas=(0.9, 0.999), weight_decay=0.1),
    constructor='mmdefusion.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.7),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=250),
    dict(type='MultiStepLR', by_epoch=False, begin=0, end=max_iters, milestones=[74667, 80889], gamma=0.1),
]
auto_scale_lr = dict(enable=False, base_batch_size=4)
