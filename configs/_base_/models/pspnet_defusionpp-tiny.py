# PSPNet's pooling pyramid (Zhao et al., 2017) on the map at stride 8, where its authors have it, and the auxiliary head
# on the one at stride 16. Both are made from the fused tokens; a level that nobody reads is not built.
_base_ = './segmentor_defusionpp-tiny.py'
model = dict(
    neck=[
        _base_.model.neck[0],
        dict(
            type='mmdefusion.SimpleFeaturePyramid',
            embed_dims=_base_.embed_dims,
            out_channels=_base_.channels,
            strides=(8, 16),
        ),
    ],
    decode_head=dict(
        type='PSPHead',
        in_channels=_base_.channels,
        in_index=0,
        pool_scales=(1, 2, 3, 6),
        dropout_ratio=0.1,
        norm_cfg=_base_.norm_cfg,
    ),
    auxiliary_head=dict(in_index=1),
)
