# The smoke test's segmenter with the encoder of the pretrained weights: what
# tools/analysis_tools/compare_pretraining.py trains from random and from pretrained weights.
_base_ = '../segmentation/defusionpp_vit-nano_upernet_1xb2-400i_flir-sample-masks-320x256.py'
embed_dims = 192
model = dict(
    backbone=dict(arch='tiny'),
    neck=[
        dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims),
        dict(type='mmdefusion.FusedPyramid', embed_dims=embed_dims, out_channels=64, layers=(3, 5, 7)),
    ],
)
max_iters = 400
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(type='mmdefusion.BFloat16OptimWrapper', optimizer=dict(lr=5e-4))
param_scheduler = [_base_.param_scheduler[0], dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters)]
