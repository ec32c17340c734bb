# TNO (Toet, 2014), its pairs sorted into two folders, as most who use it do: the original has a folder per scene.
_base_ = [
    '../_base_/models/fuser_defusionpp-tiny_keep.py',
    '../_base_/datasets/pairs_to_fuse.py',
    '../_base_/fusion_runtime.py',
]
test_dataloader = dict(dataset=dict(data_root='data/TNO', first='vi', second='ir'))
