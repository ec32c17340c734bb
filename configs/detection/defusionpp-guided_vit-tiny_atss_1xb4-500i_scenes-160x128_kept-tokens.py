# The fused tokens of all training pairs are kept, so that encoder and decomposition run once for each and once for its
# mirror image: a step costs what the pyramid and the head cost.
_base_ = './defusionpp-guided_vit-tiny_atss_1xb4-500i_scenes-160x128.py'
placing = [dict(type='mmdefusion.AppendPlace')]
train_pipeline = [*_base_.loading, *_base_.pairing, *placing, *_base_.mirrored, *_base_.packing]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
custom_hooks = [dict(type='mmdefusion.KeptTokensHook')]
