# Mask R-CNN over a guided pyramid, for data sets with masks.
_base_ = ['./mask-rcnn_defusionpp-tiny.py', '../encoders/guided_tiny.py']
model = dict(backbone=dict(_delete_=True, **_base_.guided_detector), neck=None)
