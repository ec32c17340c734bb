# The infrared teacher, for which no weights are published: a masked autoencoder on folders of infrared images. MAE's
# optimizer; MAE trains for 800 epochs of ImageNet, so take as many iterations as you can afford. The checkpoint is read
# as it is by mmdefusion.MAETeacher; publish_model.py --layout mae writes it in MAE's own layout.
_base_ = [
    '../_base_/models/mae_vit-base.py',
    '../_base_/datasets/pretrain-infrared.py',
    '../_base_/pretraining_runtime.py',
]
max_iters = 100000
train_cfg = dict(type='mmdefusion.PretrainLoop', max_iters=max_iters, val_interval=max_iters + 1)
optim_wrapper = dict(
    type='mmdefusion.BFloat16OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.5e-4 * 8 * 64 / 256, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=5000),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=5000, end=max_iters),
]
custom_hooks = _base_.guards  # nothing is fused, so there is no panel hook
auto_scale_lr = dict(enable=False, base_batch_size=512)
