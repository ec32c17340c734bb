# The paper's schedule on images: 50 epochs of 50,000 images in batches of 16, halved after 20, 40, 45 and 47.
epoch = 50000 // 16
max_iters = 50 * epoch
train_cfg = dict(type='mmdefusion.PretrainLoop', max_iters=max_iters, val_interval=epoch)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=4e-4, betas=(0.9, 0.999)),
    clip_grad=dict(max_norm=20.0),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[20 * epoch, 40 * epoch, 45 * epoch, 47 * epoch], gamma=0.5)
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
