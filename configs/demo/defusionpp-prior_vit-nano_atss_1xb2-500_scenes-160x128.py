# The demo's detector with a convolutional stem beside the ViT.
_base_ = './defusionpp_vit-nano_atss_1xb2-500_scenes-160x128.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmdefusion.DeFusionPP',
        arch=_base_.model.backbone.arch,
        encoder=dict(drop_path_rate=0.0),
        pyramid=_base_.model.neck[1],
        spatial_prior=dict(type='mmdefusion.SpatialPrior', widths=(16, 32, 64, 64)),
    ),
    neck=None,
)
