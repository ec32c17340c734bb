# The MSRS segmenter of DeFusion++: UPerNet on four fused levels, three of them from layers 3, 5 and 7 of the encoder.
norm_cfg = dict(type='SyncBN', requires_grad=True)  # MMEngine turns it into BN where training is not distributed
embed_dims = 192
channels = 192

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='mmdefusion.PairedSegDataPreprocessor', size=(480, 480), seg_pad_val=255),
    backbone=dict(type='mmdefusion.DeFusionEncoder', arch='tiny'),
    neck=[
        dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims),
        dict(type='mmdefusion.FusedPyramid', embed_dims=embed_dims, out_channels=channels, layers=(3, 5, 7)),
    ],
    decode_head=dict(
        type='UPerHead',
        in_channels=[channels] * 4,
        in_index=[0, 1, 2, 3],
        pool_scales=(1, 2, 3, 6),
        channels=channels,
        dropout_ratio=0.1,
        num_classes=9,
        norm_cfg=norm_cfg,
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
        num_classes=9,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=0.4),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='slide', crop_size=(480, 480), stride=(320, 320)),
)
