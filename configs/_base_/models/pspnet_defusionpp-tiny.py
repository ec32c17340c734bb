# PSPNet's pooling pyramid (Zhao et al., 2017) on the map at stride 8, where its authors have it.
_base_ = './segmentor_defusionpp-tiny.py'
find_unused_parameters = True  # of the maps that the head does not read, in distributed training
model = dict(
    decode_head=dict(
        type='PSPHead',
        in_channels=_base_.channels,
        in_index=1,
        pool_scales=(1, 2, 3, 6),
        dropout_ratio=0.1,
        norm_cfg=_base_.norm_cfg,
    )
)
