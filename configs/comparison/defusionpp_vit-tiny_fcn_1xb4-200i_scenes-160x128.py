# The demo's segmenter with the encoder of the pretrained weights: what
# tools/analysis_tools/compare_pretraining.py trains from random and from pretrained weights.
_base_ = '../demo/defusionpp_vit-nano_fcn_1xb2-850_scenes-160x128.py'
embed_dims = 192
model = dict(
    backbone=dict(arch='tiny'),
    neck=[
        dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims),
        dict(type='mmdefusion.FusedPyramid', embed_dims=embed_dims, out_channels=48, layers=(3, 5, 7)),
    ],
)
train_dataloader = dict(batch_size=4)
max_iters = 200
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(type='mmdefusion.BFloat16OptimWrapper', optimizer=dict(lr=5e-4))
param_scheduler = [_base_.param_scheduler[0], dict(type='PolyLR', power=1.0, by_epoch=False, begin=60, end=max_iters)]
default_hooks = dict(checkpoint=dict(interval=100))
