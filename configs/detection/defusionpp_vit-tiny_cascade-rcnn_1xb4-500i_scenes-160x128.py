# Cascade R-CNN over DeFusion++'s fused features, on generated scenes.
_base_ = [
    '../_base_/models/cascade-rcnn_defusionpp-tiny.py',
    '../_base_/datasets/scenes-detection.py',
    '../_base_/schedules/zoo_500i.py',
    '../_base_/detection_runtime.py',
]
for head in _base_.model.roi_head.bbox_head:
    head.num_classes = 3
