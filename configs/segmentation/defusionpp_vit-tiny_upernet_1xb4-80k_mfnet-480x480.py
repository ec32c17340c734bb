# The paper's segmenter on MFNet. Start it from pretrained weights with --cfg-options load_from=WEIGHTS.
_base_ = [
    '../_base_/models/upernet_defusionpp-tiny_480x480.py',
    '../_base_/datasets/mfnet.py',
    '../_base_/schedules/segmentation_80k.py',
    '../_base_/segmentation_runtime.py',
]
