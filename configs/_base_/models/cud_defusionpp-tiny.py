# DeFusion++ in pretraining on single images: CUD + MFM, with the weights of the paper's loss.
embed_dims = 192
image_head = dict(type='mmdefusion.ImageHead', embed_dims=embed_dims)
model = dict(
    type='mmdefusion.CUDPretrainer',
    data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
    backbone=dict(type='mmdefusion.DeFusionEncoder', arch='tiny'),
    neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims)],
    common_head=image_head,
    unique_head=image_head,
    fused_head=image_head,
    mfm_head=dict(type='mmdefusion.MFMHead', embed_dims=embed_dims, mask_ratio=0.75),
    view_generator=dict(type='mmdefusion.MaskedViews', jitter=(0.1, 1.0)),
    cud_loss=dict(
        type='mmdefusion.CUDLoss', common=20.0, unique_a=10.0, unique_b=10.0, mfm=2.0, fused=100.0, fused_ssim=50.0
    ),
)
