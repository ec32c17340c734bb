# LLVIP (Jia et al., 2021): the 3463 test pairs.
_base_ = [
    '../_base_/models/fuser_defusionpp-tiny_keep.py',
    '../_base_/datasets/pairs_to_fuse.py',
    '../_base_/fusion_runtime.py',
]
test_dataloader = dict(dataset=dict(data_root='data/LLVIP', first='visible/test', second='infrared/test'))
