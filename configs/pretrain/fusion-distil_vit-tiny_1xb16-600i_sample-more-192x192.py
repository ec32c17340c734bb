# The decomposition learns to keep in its fused tokens what the distilled encoder, which stays as it is, knows of both
# images. It does not decode images: the weights are for detectors and segmenters.
_base_ = ['./defusionpp-mcud-dinov2_vit-tiny_1xb16-600i_sample-more-224x224.py']
embed_dims = 192
model = dict(
    _delete_=True,
    type='mmdefusion.FusionDistiller',
    data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
    backbone=dict(type='mmdefusion.DeFusionEncoder', arch='tiny', drop_path_rate=0.0),
    neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims)],
    head=dict(type='mmdefusion.DistillationHead', embed_dims=embed_dims, teacher_dims=embed_dims),
    init_cfg=dict(type='Pretrained', checkpoint='tiny'),  # of the decomposition; load_from brings the encoder
)
crops = _base_.train_dataloader.images.dataset.pipeline
pair_crops = _base_.train_dataloader.pairs.dataset.pipeline
crops[1].size = pair_crops[2].size = 192
train_dataloader = dict(images=dict(dataset=dict(pipeline=crops)), pairs=dict(dataset=dict(pipeline=pair_crops)))
val_dataloader = None
val_evaluator = None
val_cfg = None
train_cfg = dict(val_interval=601)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=3.0),
)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=50, max_keep_ckpts=2))
custom_hooks = [*_base_.guards, dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.01)]
