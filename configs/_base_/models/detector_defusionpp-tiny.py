# What detectors over DeFusion++ share: a pair in, five fused maps of 256 channels at strides 4 to 64 out.
embed_dims = 192
strides = [4, 8, 16, 32, 64]
model = dict(
    data_preprocessor=dict(type='mmdefusion.PairedDetDataPreprocessor', pad_size_divisor=32),
    backbone=dict(type='mmdefusion.DeFusionEncoder', arch='tiny'),
    neck=[
        dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims),
        dict(type='mmdefusion.SimpleFeaturePyramid', embed_dims=embed_dims, out_channels=256, num_outs=5),
    ],
)
