# The same with attention in windows of at most 14×14 patches, which see the other windows in means over 5×5 patches.
_base_ = './defusionpp_vit-tiny_faster-rcnn_1xb4-24k_llvip-640x512.py'
model = dict(backbone=dict(window=14, pooling=5, global_blocks=0))
