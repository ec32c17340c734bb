"""Several processes where there is no GPU."""

from typing import Any

import torch
from mmengine.config import Config


def let_processes_talk(config: Config) -> None:
    """Start gloo for a ``--launcher pytorch`` run on CPUs; with GPUs MMEngine does all that is needed.

    MMEngine 0.10's launcher sets a CUDA device for each process and hands it to DistributedDataParallel, which fails
    without one. It leaves a process group alone that is already there, and a wrapper that the config names. SyncBN
    works on GPUs only; here each process normalises its own batch.
    """
    if config.launcher != 'pytorch' or torch.cuda.is_available():
        return
    torch.distributed.init_process_group('gloo')
    use_plain_batch_norm(config.model)
    config.setdefault(
        'model_wrapper_cfg',
        dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            find_unused_parameters=config.get('find_unused_parameters', False),
            broadcast_buffers=False,
        ),
    )


def use_plain_batch_norm(config: Any) -> None:
    """Replaces SyncBN by BN in a model's config."""
    if isinstance(config, dict):
        if config.get('type') == 'SyncBN':
            config['type'] = 'BN'
        for part in config.values():
            use_plain_batch_norm(part)
    elif isinstance(config, list | tuple):
        for part in config:
            use_plain_batch_norm(part)
