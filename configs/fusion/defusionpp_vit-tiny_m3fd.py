# M3FD_Fusion (Liu et al., 2022): the 300 pairs for fusion.
_base_ = [
    '../_base_/models/fuser_defusionpp-tiny_keep.py',
    '../_base_/datasets/pairs_to_fuse.py',
    '../_base_/fusion_runtime.py',
]
test_dataloader = dict(dataset=dict(data_root='data/M3FD_Fusion', first='Vis', second='Ir'))
