# CUD + MFM on a few hundred real images, in an hour on two CPU cores: small crops in bfloat16 from a closed-form start.
# Gentler views than the paper's: colours are jittered less, and a quarter of the images are seen whole, as the images
# that people fuse are. The second stage, at 224×224, goes on from here.
_base_ = [
    '../_base_/models/cud_defusionpp-tiny.py',
    '../_base_/datasets/pretrain-sample.py',
    '../_base_/schedules/pretrain_sample.py',
    '../_base_/pretraining_runtime.py',
]
size = 112
model = dict(view_generator=dict(jitter=(0.5, 1.0), whole=0.25))
pipeline = _base_.train_dataloader.dataset.pipeline
pipeline[1].size = size
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=pipeline))

max_iters = 2500
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    # the parts that the closed form has fitted are only fine-tuned
    paramwise_cfg=dict(custom_keys={'patch_embed': dict(lr_mult=0.1), 'head.proj': dict(lr_mult=0.1)}),
)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(type='CosineAnnealingLR', eta_min_ratio=0.1, by_epoch=False, begin=50, end=max_iters),
]
panel = dict(interval=500)
custom_hooks = [*_base_.guards, dict(_base_.panel, **panel), dict(type='mmdefusion.ClosedFormInitHook')]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=250))
