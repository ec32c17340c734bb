# The paper's joint schedule: 200 epochs, halved after 80, 160, 180 and 190. The paper does not say what an epoch of two
# data sets is; here it is a pass over MSRS's 1083 training pairs, with as many batches of images in between.
_base_ = './pretrain_cud.py'

epoch = 2 * (1083 // 16)
max_iters = 200 * epoch
train_cfg = dict(turns=('images', 'pairs'), max_iters=max_iters, val_interval=10 * epoch)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
auto_scale_lr = None  # MMEngine reads the size of one batch; here there are two
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[80 * epoch, 160 * epoch, 180 * epoch, 190 * epoch], gamma=0.5)
]
