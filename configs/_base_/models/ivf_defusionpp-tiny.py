# DeFusion++ in fine-tuning on infrared and visible pairs: the weights are those of pretraining.
embed_dims = 192
image_head = dict(type='mmdefusion.ImageHead', embed_dims=embed_dims)
model = dict(
    type='mmdefusion.IVFFineTuner',
    data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
    backbone=dict(type='mmdefusion.DeFusionEncoder', arch='tiny', drop_path_rate=0.0),
    neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims, common='mean')],
    common_head=image_head,
    unique_head=image_head,
    fused_head=image_head,
    ivf_loss=dict(type='mmdefusion.IVFLoss', brightness=10.0, gradient=40.0, structure=5.0, colour=10.0),
    target='keep',
    grey=0.5,
    alone=0.25,
)
