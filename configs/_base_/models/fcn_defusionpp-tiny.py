# One convolution on all four maps together, at stride 4.
_base_ = './segmentor_defusionpp-tiny.py'
model = dict(
    decode_head=dict(
        type='FCNHead',
        in_channels=[_base_.channels] * 4,
        in_index=[0, 1, 2, 3],
        input_transform='resize_concat',
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        norm_cfg=_base_.norm_cfg,
    )
)
