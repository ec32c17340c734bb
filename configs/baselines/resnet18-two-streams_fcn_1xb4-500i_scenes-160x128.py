# A ResNet-18 for each image, their maps averaged.
_base_ = './resnet50-two-streams_fcn_1xb4-500i_scenes-160x128.py'
model = dict(backbone=dict(backbone=dict(depth=18)), neck=dict(in_channels=[64, 128, 256, 512]))
