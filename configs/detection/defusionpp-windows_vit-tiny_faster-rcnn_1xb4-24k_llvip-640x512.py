# The same with attention in windows of at most 14×14 patches, except in four blocks of the encoder.
_base_ = './defusionpp_vit-tiny_faster-rcnn_1xb4-24k_llvip-640x512.py'
model = dict(backbone=dict(window=14))
