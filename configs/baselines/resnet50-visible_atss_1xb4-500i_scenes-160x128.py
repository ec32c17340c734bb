# The same head over a ResNet-50 that sees the visible image only.
_base_ = [
    '../_base_/models/atss_defusionpp-tiny.py',
    '../_base_/encoders/resnet50.py',
    '../_base_/datasets/scenes-detection.py',
    '../_base_/schedules/zoo_500i.py',
    '../_base_/detection_runtime.py',
]
model = dict(
    backbone=dict(_delete_=True, type='mmdefusion.OneModality', modality='visible', backbone=_base_.resnet),
    neck=dict(_delete_=True, type='FPN', in_channels=_base_.maps, out_channels=256, num_outs=5),
)
