# SegFormer's head of linear maps (Xie et al., 2021).
_base_ = './segmentor_defusionpp-tiny.py'
model = dict(
    decode_head=dict(
        type='SegformerHead',
        in_channels=[_base_.channels] * 4,
        in_index=[0, 1, 2, 3],
        dropout_ratio=0.1,
        norm_cfg=_base_.norm_cfg,
    )
)
