# The MSRS segmenter of DeFusion++: UPerNet on four fused levels, three of them from layers 3, 5 and 7 of the encoder.
_base_ = './segmentor_defusionpp-tiny.py'
model = dict(
    decode_head=dict(
        type='UPerHead',
        in_channels=[_base_.channels] * 4,
        in_index=[0, 1, 2, 3],
        pool_scales=(1, 2, 3, 6),
        dropout_ratio=0.1,
        norm_cfg=_base_.norm_cfg,
    )
)
