# DeFusion++ for fused pictures: the weights are those of pretraining.
embed_dims = 192
image_head = dict(type='mmdefusion.ImageHead', embed_dims=embed_dims)
model = dict(
    type='mmdefusion.PictureFuser',
    data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
    backbone=dict(type='mmdefusion.DeFusionEncoder', arch='tiny'),
    neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims, common='mean')],
    common_head=image_head,
    unique_head=image_head,
    fused_head=image_head,
    sliding_window=dict(type='mmdefusion.SlidingWindow', size=224),
    detail=dict(type='mmdefusion.ResidualDetail'),
    colour='luma',
)
