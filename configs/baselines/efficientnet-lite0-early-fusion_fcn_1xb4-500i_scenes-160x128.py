# EfficientNet-Lite0 on both images, stacked to four channels.
_base_ = './resnet50-early-fusion_fcn_1xb4-500i_scenes-160x128.py'
model = dict(
    backbone=dict(backbone=dict(_delete_=True, type='mmdefusion.EfficientNetLite0', in_channels=4)),
    neck=dict(in_channels=[24, 40, 112, 320]),
)
