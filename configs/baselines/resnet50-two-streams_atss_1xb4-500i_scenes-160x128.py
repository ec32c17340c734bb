# The same over a ResNet-50 for each image, their maps averaged.
_base_ = './resnet50-visible_atss_1xb4-500i_scenes-160x128.py'
model = dict(backbone=dict(_delete_=True, type='mmdefusion.TwoStreams', backbone=_base_.resnet))
