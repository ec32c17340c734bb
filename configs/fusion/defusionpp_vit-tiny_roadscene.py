# RoadScene (Xu et al., 2020): its aligned pairs.
_base_ = [
    '../_base_/models/fuser_defusionpp-tiny_keep.py',
    '../_base_/datasets/pairs_to_fuse.py',
    '../_base_/fusion_runtime.py',
]
test_dataloader = dict(dataset=dict(data_root='data/RoadScene', first='crop_LR_visible', second='cropinfrared'))
