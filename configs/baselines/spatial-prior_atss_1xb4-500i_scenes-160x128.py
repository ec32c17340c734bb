# The spatial prior alone, without a ViT: plain convolutions on both images, stacked.
_base_ = '../detection/defusionpp_vit-tiny_atss_1xb4-500i_scenes-160x128.py'
model = dict(
    backbone=dict(_delete_=True, type='mmdefusion.SpatialPrior', out_channels=256, strides=_base_.strides), neck=None
)
