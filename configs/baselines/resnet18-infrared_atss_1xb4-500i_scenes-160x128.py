# ResNet-18 on the infrared image only.
_base_ = './resnet18-visible_atss_1xb4-500i_scenes-160x128.py'
model = dict(backbone=dict(modality='infrared'))
