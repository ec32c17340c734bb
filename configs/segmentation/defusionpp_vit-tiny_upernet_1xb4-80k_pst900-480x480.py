# The paper's segmenter on PST900. Start it from pretrained weights with --cfg-options load_from=WEIGHTS.
_base_ = [
    '../_base_/models/upernet_defusionpp-tiny_480x480.py',
    '../_base_/datasets/pst900.py',
    '../_base_/schedules/segmentation_80k.py',
    '../_base_/segmentation_runtime.py',
]
model = dict(decode_head=dict(num_classes=5), auxiliary_head=dict(num_classes=5))
