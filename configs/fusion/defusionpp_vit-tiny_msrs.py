# MSRS (Tang et al., 2022): the 361 test pairs.
_base_ = [
    '../_base_/models/fuser_defusionpp-tiny_keep.py',
    '../_base_/datasets/pairs_to_fuse.py',
    '../_base_/fusion_runtime.py',
]
test_dataloader = dict(dataset=dict(data_root='data/MSRS/test', first='vi', second='ir'))
