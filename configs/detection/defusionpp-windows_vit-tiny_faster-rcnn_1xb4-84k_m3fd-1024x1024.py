# The same with attention in windows of at most 14×14 patches, which see the other windows in means over 5×5 patches.
# This line gives any detector or segmenter of the zoo windows, and checkpoints fit both ways.
_base_ = './defusionpp_vit-tiny_faster-rcnn_1xb4-84k_m3fd-1024x1024.py'
model = dict(backbone=dict(window=14, pooling=5, global_blocks=0))
