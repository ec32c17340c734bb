# The second stage of CUD + MFM on a few hundred real images: it continues from small crops, at the size of the paper.
_base_ = [
    '../_base_/models/cud_defusionpp-tiny.py',
    '../_base_/datasets/pretrain-sample.py',
    '../_base_/schedules/pretrain_sample.py',
    '../_base_/pretraining_runtime.py',
]
load_from = 'work_dirs/defusionpp-cud_vit-tiny_1xb32-2500i_sample-112x112/iter_2500.pth'
model = dict(view_generator=dict(jitter=(0.5, 1.0), whole=0.25))
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=250))
