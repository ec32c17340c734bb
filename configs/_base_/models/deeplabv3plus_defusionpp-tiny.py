# DeepLabV3+ (Chen et al., 2018): its pooling on the map at stride 16, refined with the one at stride 4.
_base_ = './segmentor_defusionpp-tiny.py'
find_unused_parameters = True  # of the maps that the head does not read, in distributed training
model = dict(
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        in_channels=_base_.channels,
        in_index=2,
        dilations=(1, 6, 12, 18),
        c1_in_channels=_base_.channels,
        c1_channels=48,
        dropout_ratio=0.1,
        norm_cfg=_base_.norm_cfg,
    ),
)
