# The same with attention in windows of at most 14×14 patches, except in four blocks of the encoder.
_base_ = './defusionpp_vit-tiny_upernet_1xb4-80k_msrs-480x480.py'
model = dict(backbone=dict(window=14))
