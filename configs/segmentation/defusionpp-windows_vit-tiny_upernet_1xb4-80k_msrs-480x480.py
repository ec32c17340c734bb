# The same with attention in windows of at most 14×14 patches, which see the other windows in means over 5×5 patches.
_base_ = './defusionpp_vit-tiny_upernet_1xb4-80k_msrs-480x480.py'
model = dict(backbone=dict(window=14, pooling=5, global_blocks=0))
