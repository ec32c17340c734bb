# An FCN head over a guided pyramid.
_base_ = ['./fcn_defusionpp-tiny.py', '../encoders/guided_tiny.py']
pyramid = dict(type='mmdefusion.GuidedPyramid', out_channels=_base_.channels, prior=dict(norm_cfg=dict(type='SyncBN')))
model = dict(backbone=dict(_delete_=True, **_base_.guided, pyramid=pyramid), neck=None)
