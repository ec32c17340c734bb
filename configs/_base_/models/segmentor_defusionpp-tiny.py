# What segmenters over DeFusion++ share: a pair in, four fused maps of 192 channels at strides 4 to 32 out; an auxiliary
# head on the third.
norm_cfg = dict(type='SyncBN', requires_grad=True)  # MMEngine turns it into BN where training is not distributed
embed_dims = 192
channels = 192
num_classes = 4
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='mmdefusion.PairedSegDataPreprocessor', size_divisor=32, seg_pad_val=255),
    backbone=dict(type='mmdefusion.DeFusionEncoder', arch='tiny'),
    neck=[
        dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims),
        dict(type='mmdefusion.FusedPyramid', embed_dims=embed_dims, out_channels=channels, layers=(3, 5, 7)),
    ],
    decode_head=dict(
        channels=channels,
        num_classes=num_classes,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    auxiliary_head=dict(
        type='FCNHead',
        in_channels=channels,
        in_index=2,
        channels=channels,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=num_classes,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=0.4),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
