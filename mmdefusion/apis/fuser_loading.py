"""Loads a fusing network from a checkpoint."""

import os
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import Config

from mmdefusion.models.backbones import Architecture
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.low_rank import merge_low_rank
from mmdefusion.models.checkpoints.plain_config import read_plain_config
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.unwrap import State, refuse_useless, unwrap
from mmdefusion.models.fusers import PictureFuser, ResidualDetail, SlidingWindow
from mmdefusion.models.networks.network_config import PREFIXES, build_parts, read_network_config

AROUND = {'sliding_window': SlidingWindow, 'detail': ResidualDetail}  # arguments of PictureFuser without weights


def load_fuser(
    checkpoint: str | os.PathLike, config: str | None = None, device: str = 'cpu', **pictures: Any
) -> PictureFuser:
    """Loads the fusing part of a pretrained network, in evaluation mode, with the mean of both common features.

    The config in the file is read as data, see :mod:`mmdefusion.models.networks.network_config`.

    Args:
        checkpoint: file or URL of a checkpoint of our training or of published weights, which carry their config, or
            the name of weights that come with the package, such as ``'tiny'``.
        config: config file, for checkpoints that carry none. It is code: give only a config that you trust.
        device: device of the network.
        **pictures: arguments of :class:`PictureFuser`: ``sliding_window``, ``detail``, ``colour``, ``target``.

    Raises:
        FileNotFoundError: if a file does not exist.
        ValueError: if there is no config, it is not that of a fuser, or weights are missing or not finite.
    """
    check_device(device)
    content = read_checkpoint(checkpoint)
    arch, weights = read_fuser(content, str(checkpoint), config)
    around = {name: _around(name, value) for name, value in pictures.items()}
    fuser = PictureFuser(**build_parts(arch, common='mean'), **around)
    fuser.load_state_dict(weights)
    return fuser.to(device).eval()


def read_fuser(content: dict[str, Any], name: str, config: str | None = None) -> tuple[Architecture, State]:
    """Reads the architecture and the weights of the fusing part of a checkpoint.

    Args:
        content: content of the checkpoint, from :func:`read_checkpoint`.
        name: name of the checkpoint in error messages.
        config: see :func:`load_fuser`.

    Raises:
        CheckpointError: if the checkpoint has no complete fusing network.
    """
    weights = {key: value for key, value in unwrap(content, name).items() if key.startswith(PREFIXES)}
    refuse_useless(weights, name)
    weights = merge_low_rank(weights, name)
    refuse_useless(weights, name)  # again, as sums may overflow
    model = carried_model(content, name) if config is None else _trusted_model(config)
    if model is None:
        raise CheckpointError(f'{name} carries no config: give the one that it was trained with.')
    return read_network_config(model, weights, name), weights


def _around(name: str, value: Any) -> Any:
    """Builds a part without weights from the arguments of the caller, never from those in a file."""
    if name in AROUND and isinstance(value, Mapping):
        return AROUND[name](**{key: item for key, item in value.items() if key != 'type'})
    return value


def check_device(device: str) -> None:
    """Raises a ValueError if a device does not exist."""
    try:
        torch.zeros(1, device=device)
    except (AssertionError, RuntimeError) as error:
        raise ValueError(f'device={device!r} cannot be used here: {str(error).splitlines()[0]}') from None


def carried_model(content: dict[str, Any], name: str) -> Any:
    """The config of the model in a checkpoint, as unchecked data, or None if there is none.

    Raises:
        CheckpointError: if the config is not plain data.
    """
    meta = content.get('meta')
    if not isinstance(meta, dict):
        return None
    if 'model' in meta:
        return meta['model']
    if meta.get('cfg') is None:  # checkpoints of earlier versions carry its source text
        return None
    try:
        return read_plain_config(meta['cfg'])['model']
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f'{name} carries a config without a plain model ({error}): give a config.') from None


def _trusted_model(config: str) -> Any:
    """The model of a config that the caller gives, without ``init_cfg``, as the checkpoint replaces initial weights."""
    model = Config.fromfile(config).to_dict().get('model')
    if model is None:
        raise ValueError(f'{config} has no model: give a config of pretraining (configs/pretrain).')
    return _without_init(model)


def _without_init(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_init(item) for item in value]
    return (
        {key: _without_init(item) for key, item in value.items() if key != 'init_cfg'}
        if isinstance(value, dict)
        else value
    )
