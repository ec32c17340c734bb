# ResNet-18 on fused images.
_base_ = './resnet50-fused-images_atss_1xb4-500i_scenes-160x128.py'
model = dict(backbone=dict(backbone=dict(depth=18)), neck=dict(in_channels=[64, 128, 256, 512]))
