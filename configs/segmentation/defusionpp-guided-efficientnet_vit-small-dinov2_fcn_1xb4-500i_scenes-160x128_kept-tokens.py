# The same with a backbone that knows ImageNet beside the guided pyramid.
_base_ = [
    './defusionpp-guided_vit-small-dinov2_fcn_1xb4-500i_scenes-160x128_kept-tokens.py',
    '../_base_/priors/efficientnet.py',
]
model = dict(backbone=dict(spatial_prior=_base_.beside_efficientnet, junction=_base_.by_gates))
