# The same over both images, stacked to four channels.
_base_ = './resnet50-visible_atss_1xb4-500i_scenes-160x128.py'
model = dict(backbone=dict(_delete_=True, type='mmdefusion.EarlyFusion', backbone=dict(_base_.resnet, in_channels=4)))
