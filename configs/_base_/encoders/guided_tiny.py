# The package's own encoder and decomposition, which stay as they are, and a guided pyramid over them, which is trained:
# convolutions over the pair that read the fused tokens. A model's file adds the pyramid.
guided = dict(
    type='mmdefusion.DeFusionPP',
    arch='tiny',
    frozen=True,
    init_cfg=dict(type='Pretrained', checkpoint='guided'),  # comes with the package
)
