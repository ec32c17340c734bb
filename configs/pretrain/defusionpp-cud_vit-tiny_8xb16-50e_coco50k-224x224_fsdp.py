# Fully sharded data parallel on eight GPUs, through MMEngine's FlexibleRunner: parameters, gradients and the
# optimizer's state are shared out. By us run in two processes of a CPU, for two steps; FlexibleRunner needs GPUs.
_base_ = './defusionpp-cud_vit-tiny_1xb16-50e_coco50k-224x224.py'

runner_type = 'FlexibleRunner'
strategy = dict(
    type='FSDPStrategy',
    state_dict_cfg='full',  # checkpoints are files, which everything else reads
    model_wrapper=dict(
        type='MMFullyShardedDataParallel',
        use_orig_params=True,
        auto_wrap_policy=dict(type='mmdefusion.wrap_blocks'),
    ),
)
optim_wrapper = dict(type='mmdefusion.BFloat16OptimWrapper')
custom_hooks = _base_.guards  # no process has the whole model, which the panel hook needs
