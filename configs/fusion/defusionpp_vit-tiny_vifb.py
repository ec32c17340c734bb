# VIFB (Zhang et al., 2020): 21 pairs, scored as its authors do, with people and skies kept. The 2nd place of
# docs/metrics.md is that of target='off': ../_base_/models/fuser_defusionpp-tiny.py in the first line of _base_.
_base_ = [
    '../_base_/models/fuser_defusionpp-tiny_keep.py',
    '../_base_/datasets/pairs_to_fuse.py',
    '../_base_/fusion_runtime.py',
]
test_dataloader = dict(dataset=dict(data_root='data/VIFB/input', first='VI', second='IR'))
test_evaluator = dict(protocol='vifb')
