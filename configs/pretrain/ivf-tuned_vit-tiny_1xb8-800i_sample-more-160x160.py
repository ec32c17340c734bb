# What decodes the fused image is fine-tuned on the sample's training pairs, from the weights that come with the
# package; encoder, common and unique tokens and their heads stay as they are. Averaged weights (EMA) make any
# checkpoint usable.
_base_ = [
    '../_base_/models/ivf_defusionpp-tiny.py',
    '../_base_/datasets/pretrain-sample-pairs.py',
    '../_base_/schedules/pretrain_sample.py',
    '../_base_/pretraining_runtime.py',
]
load_from = 'tiny'
crops = _base_.pairs.pipeline
crops[2].size = 160
crops[2].scale = (0.08, 0.5)  # of the sample's pairs, that is between enlarged by 2 and reduced by 2.5
train_dataloader = dict(
    pairs=dict(
        batch_size=8,
        dataset=dict(
            # twice, as those of llvip/small are many and alike
            folders=[*_base_.pairs.folders * 2, 'llvip/small/vi'],
            partners=[*_base_.pairs.partners * 2, 'llvip/small/ir'],
            pipeline=crops,
        ),
    )
)
val_dataloader = None
val_evaluator = None
val_cfg = None

max_iters = 800
train_cfg = dict(turns=('pairs',), max_iters=max_iters, val_interval=max_iters + 1)
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=5.0))
param_scheduler = [_base_.param_scheduler[0], dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters)]
custom_hooks = [*_base_.guards, dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.02)]
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=50, max_keep_ckpts=2))
