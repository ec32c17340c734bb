# The package's own encoder and decomposition, which stay as they are, and a guided pyramid over them, which is trained:
# convolutions over the pair that read the fused tokens.
guided = dict(
    type='mmdefusion.DeFusionPP',
    arch='tiny',
    frozen=True,
    init_cfg=dict(type='Pretrained', checkpoint='guided'),  # comes with the package
)
guided_detector = dict(  # five maps, as detector_defusionpp-tiny.py gives to its heads
    **guided,
    pyramid=dict(type='mmdefusion.GuidedPyramid', out_channels=256, strides=[4, 8, 16, 32, 64]),
)
