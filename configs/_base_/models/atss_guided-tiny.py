# ATSS over a guided pyramid.
_base_ = ['./atss_defusionpp-tiny.py', '../encoders/guided_tiny.py']
model = dict(backbone=dict(_delete_=True, **_base_.guided_detector), neck=None)
