# The same with a convolutional stem beside the ViT, whose maps are added to the pyramid's, and which starts from the
# weights that come with the package. These lines give any other detector or segmenter of the zoo a spatial prior, too.
_base_ = './defusionpp_vit-tiny_atss_1xb4-500i_scenes-160x128.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmdefusion.DeFusionPP',
        arch='tiny',
        pyramid=_base_.model.neck[1],
        spatial_prior=dict(type='mmdefusion.SpatialPrior', init_cfg=dict(type='Pretrained', checkpoint='prior')),
    ),
    neck=None,
)
