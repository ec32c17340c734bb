# The spatial prior alone, without a ViT: plain convolutions on both images, stacked.
_base_ = '../segmentation/defusionpp_vit-tiny_fcn_1xb4-500i_scenes-160x128.py'
model = dict(
    backbone=dict(
        _delete_=True, type='mmdefusion.SpatialPrior', out_channels=_base_.channels, norm_cfg=dict(type='SyncBN')
    ),
    neck=None,
)
