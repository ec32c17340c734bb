# An FCN head over DeFusion++'s fused features, on generated scenes.
_base_ = [
    '../_base_/models/fcn_defusionpp-tiny.py',
    '../_base_/datasets/scenes-segmentation.py',
    '../_base_/schedules/zoo_500i.py',
    '../_base_/segmentation_runtime.py',
]
