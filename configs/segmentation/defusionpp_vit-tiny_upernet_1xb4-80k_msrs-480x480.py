# The paper's segmenter on MSRS. Start it from pretrained weights with --cfg-options load_from=WEIGHTS.
_base_ = [
    '../_base_/models/upernet_defusionpp-tiny_480x480.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/segmentation_80k.py',
    '../_base_/segmentation_runtime.py',
]
