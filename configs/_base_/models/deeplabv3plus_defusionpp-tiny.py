# DeepLabV3+ (Chen et al., 2018): its pooling on the map at stride 16, refined with the one at stride 4. Both are made
# from the fused tokens; a level that nobody reads is not built.
_base_ = './segmentor_defusionpp-tiny.py'
model = dict(
    neck=[
        _base_.model.neck[0],
        dict(
            type='mmdefusion.SimpleFeaturePyramid',
            embed_dims=_base_.embed_dims,
            out_channels=_base_.channels,
            strides=(4, 16),
        ),
    ],
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        in_channels=_base_.channels,
        in_index=1,
        dilations=(1, 6, 12, 18),
        c1_in_channels=_base_.channels,
        c1_channels=48,
        dropout_ratio=0.1,
        norm_cfg=_base_.norm_cfg,
    ),
    auxiliary_head=dict(in_index=1),
)
