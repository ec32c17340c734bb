"""How the processes of a training find each other, and what is said when one is lost."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from mmengine.config import Config

LOST = ('connection', 'timed out', 'timeout', 'gloo', 'nccl')  # words of torch's messages about a lost process


def let_processes_talk(config: Config) -> None:
    """Starts gloo for a ``--launcher pytorch`` run on CPUs, and gives each Slurm job step a port of its own.

    With GPUs, MMEngine does all the rest.

    MMEngine 0.10's launcher sets a CUDA device for each process and hands it to DistributedDataParallel, which fails
    without one. It keeps a process group that exists already, and a model wrapper that the config names. SyncBN works
    on GPUs only, so each process normalises its own batch here.

    As with GPUs, ``env_cfg.dist_cfg.timeout`` is the number of seconds after which a process gives up on the others.

    Args:
        config: the whole config, with ``launcher`` set; its ``model`` and ``model_wrapper_cfg`` are changed in place.
    """
    if config.launcher == 'slurm':
        os.environ.setdefault('MASTER_PORT', str(slurm_port()))
    if config.launcher != 'pytorch' or torch.cuda.is_available():
        return
    torch.distributed.init_process_group('gloo', timeout=timedelta(seconds=timeout_of(config)))
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


def slurm_port() -> int:
    """A port for each job step: MMEngine uses the same port for all, and steps may share a machine."""
    job, step = (int(os.environ.get(f'SLURM_{name}_ID', 0)) for name in ('JOB', 'STEP'))
    return 20000 + (31 * job + step) % 20000


def timeout_of(config: Config) -> float:
    """Seconds that a process waits for the others: half an hour unless the config says otherwise."""
    return config.get('env_cfg', {}).get('dist_cfg', {}).get('timeout', 1800)


@contextmanager
def telling_of_lost_processes(config: Config) -> Iterator[None]:
    """Turns torch's error about a lost connection into one that says what to do.

    Raises:
        SystemExit: if another process of this training died or hangs.
    """
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if config.launcher == 'none' or not any(word in text.lower() for word in LOST):
            raise
        raise SystemExit(
            f'{text.splitlines()[0]}\n'
            f'This process stops: another process of this training has died, or did not answer within '
            f'{timeout_of(config):g} s (env_cfg.dist_cfg.timeout). Look for its error, then continue with --resume.'
        ) from None


def use_plain_batch_norm(config: Any) -> None:
    """Replaces every SyncBN in a model's config by BN, in place."""
    if isinstance(config, dict):
        if config.get('type') == 'SyncBN':
            config['type'] = 'BN'
        for part in config.values():
            use_plain_batch_norm(part)
    elif isinstance(config, list | tuple):
        for part in config:
            use_plain_batch_norm(part)
