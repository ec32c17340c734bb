# A masked autoencoder as published: ViT-B/16, three patches of four hidden, normalised pixels.
model = dict(
    type='mmdefusion.MAEPretrainer',
    data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
    backbone=dict(type='mmdefusion.MAEEncoder', arch='base'),
    decoder=dict(type='mmdefusion.MAEDecoder', in_dims=768, embed_dims=512, depth=8, num_heads=16),
    mask_ratio=0.75,
    norm_pix=True,
)
