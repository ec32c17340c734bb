# The paper's detector on M3FD. Start it from pretrained weights with --cfg-options load_from=WEIGHTS.
_base_ = [
    '../_base_/models/faster-rcnn_defusionpp-tiny.py',
    '../_base_/datasets/m3fd.py',
    '../_base_/schedules/detection_84k.py',
    '../_base_/detection_runtime.py',
]
