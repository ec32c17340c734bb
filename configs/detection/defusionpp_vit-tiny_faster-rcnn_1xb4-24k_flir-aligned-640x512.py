# The detector of the paper on FLIR-aligned as published. Start it from pretrained weights with --cfg-options
# load_from=WEIGHTS.
_base_ = [
    '../_base_/models/faster-rcnn_defusionpp-tiny.py',
    '../_base_/datasets/flir-aligned.py',
    '../_base_/schedules/detection_24k.py',
    '../_base_/detection_runtime.py',
]
model = dict(roi_head=dict(bbox_head=dict(num_classes=3)))
