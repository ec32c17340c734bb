# The same over the infrared image only.
_base_ = './resnet50-visible_fcn_1xb4-500i_scenes-160x128.py'
model = dict(backbone=dict(modality='infrared'))
