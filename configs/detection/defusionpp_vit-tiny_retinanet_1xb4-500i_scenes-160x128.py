# RetinaNet over DeFusion++'s fused features, on generated scenes.
_base_ = [
    '../_base_/models/retinanet_defusionpp-tiny.py',
    '../_base_/datasets/scenes-detection.py',
    '../_base_/schedules/zoo_500i.py',
    '../_base_/detection_runtime.py',
]
