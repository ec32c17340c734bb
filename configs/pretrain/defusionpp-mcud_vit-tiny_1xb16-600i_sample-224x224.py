# Joint pretraining on the sample's images and pairs. It continues from CUD's weights at 224×224 and is taught by two
# small masked autoencoders that were trained on the same folders.
_base_ = [
    '../_base_/models/mcud_defusionpp-tiny.py',
    '../_base_/datasets/pretrain-sample-pairs.py',
    '../_base_/schedules/pretrain_sample.py',
    '../_base_/pretraining_runtime.py',
]
load_from = 'work_dirs/defusionpp-cud_vit-tiny_1xb16-1000i_sample-224x224/iter_1000.pth'
model = dict(
    view_generator=dict(jitter=(0.5, 1.0), whole=0.25),
    infrared_teacher=dict(
        arch='tiny', checkpoint='work_dirs/mae_vit-tiny_1xb32-1000i_sample-infrared-112x112/iter_1000.pth'
    ),
    visible_teacher=dict(
        arch='tiny', checkpoint='work_dirs/mae_vit-tiny_1xb32-1000i_sample-visible-112x112/iter_1000.pth'
    ),
    teacher_head=dict(teacher_dims=192),
)
max_iters = 600
train_cfg = dict(turns=('images', 'pairs'), max_iters=max_iters, val_interval=200)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [_base_.param_scheduler[0], dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters)]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
