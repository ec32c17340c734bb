# Mask2Former (Cheng et al., 2022); mmseg takes its pixel decoder and losses from mmdet.
_base_ = './segmentor_defusionpp-tiny.py'
dims = 256
attention = dict(embed_dims=dims, num_heads=8, dropout=0.0, batch_first=True)
costs = [
    dict(type='mmdet.ClassificationCost', weight=2.0),
    dict(type='mmdet.CrossEntropyLossCost', weight=5.0, use_sigmoid=True),
    dict(type='mmdet.DiceCost', weight=5.0, pred_act=True, eps=1.0),
]
model = dict(
    auxiliary_head=None,
    decode_head=dict(
        _delete_=True,
        type='Mask2FormerHead',
        in_channels=[_base_.channels] * 4,
        strides=[4, 8, 16, 32],
        feat_channels=dims,
        out_channels=dims,
        num_classes=_base_.num_classes,
        num_queries=100,
        num_transformer_feat_level=3,
        align_corners=False,
        pixel_decoder=dict(
            type='mmdet.MSDeformAttnPixelDecoder',
            num_outs=3,
            norm_cfg=dict(type='GN', num_groups=32),
            act_cfg=dict(type='ReLU'),
            encoder=dict(
                num_layers=6,
                layer_cfg=dict(
                    self_attn_cfg=dict(attention, num_levels=3, num_points=4),
                    ffn_cfg=dict(embed_dims=dims, feedforward_channels=1024, num_fcs=2, ffn_drop=0.0),
                ),
            ),
            positional_encoding=dict(num_feats=dims // 2, normalize=True),
        ),
        enforce_decoder_input_project=False,
        positional_encoding=dict(num_feats=dims // 2, normalize=True),
        transformer_decoder=dict(
            return_intermediate=True,
            num_layers=9,
            layer_cfg=dict(
                self_attn_cfg=attention,
                cross_attn_cfg=attention,
                ffn_cfg=dict(embed_dims=dims, feedforward_channels=2048, num_fcs=2, ffn_drop=0.0, add_identity=True),
            ),
        ),
        loss_cls=dict(
            type='mmdet.CrossEntropyLoss',
            use_sigmoid=False,
            loss_weight=2.0,
            reduction='mean',
            class_weight=[1.0] * _base_.num_classes + [0.1],
        ),
        loss_mask=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True, reduction='mean', loss_weight=5.0),
        loss_dice=dict(
            type='mmdet.DiceLoss',
            use_sigmoid=True,
            activate=True,
            reduction='mean',
            naive_dice=True,
            eps=1.0,
            loss_weight=5.0,
        ),
        train_cfg=dict(
            num_points=12544,
            oversample_ratio=3.0,
            importance_sample_ratio=0.75,
            assigner=dict(type='mmdet.HungarianAssigner', match_costs=costs),
            sampler=dict(type='mmdet.MaskPseudoSampler'),
        ),
    ),
)
