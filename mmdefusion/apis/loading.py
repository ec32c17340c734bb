"""From a checkpoint file to a network that fuses."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmdefusion.models.backbones import Architecture
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.network_config import PREFIXES, build_parts, read_network_config
from mmdefusion.models.checkpoints.plain_config import read_plain_config
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.unwrap import State, refuse_useless, unwrap
from mmdefusion.models.fusers import PictureFuser, ResidualDetail, SlidingWindow

WEIGHTS = Path(__file__).resolve().parents[1] / 'weights'
AROUND = {'sliding_window': SlidingWindow, 'detail': ResidualDetail}  # what of a picture fuser is no network


def shipped_weights() -> str:
    """The file of the weights that come with the package.

    Raises:
        FileNotFoundError: if it is not there.
    """
    found = sorted(WEIGHTS.glob('defusionpp_tiny-*.pth'))
    if not found:
        raise FileNotFoundError(f'The weights that come with mmdefusion are not in {WEIGHTS}: name a checkpoint.')
    return str(found[0])


def load_fuser(
    checkpoint: str | os.PathLike, config: str | None = None, device: str = 'cpu', **pictures: Any
) -> PictureFuser:
    """The fusing part of a pretrained network, in evaluation mode, the common features of both orders averaged.

    What the file says of its network is data, see :mod:`mmdefusion.models.checkpoints.network_config`.

    Args:
        checkpoint: file or URL, of a training run or published; such files carry their config.
        config: config file, for checkpoints that do not. It is code: give only one that you trust.
        device: where the network goes.
        **pictures: of :class:`PictureFuser`: ``sliding_window``, ``detail``, ``colour``, ``target``.

    Raises:
        FileNotFoundError: if a file is not there.
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
    """The architecture and the weights of what fuses in a checkpoint.

    Args:
        content: what :func:`read_checkpoint` gave.
        name: what errors call it.
        config: see :func:`load_fuser`.

    Raises:
        CheckpointError: if it holds no whole network that fuses.
    """
    weights = {key: value for key, value in unwrap(content, name).items() if key.startswith(PREFIXES)}
    refuse_useless(weights, name)
    model = carried_model(content, name) if config is None else _trusted_model(config)
    if model is None:
        raise CheckpointError(f'{name} carries no config: give the one that it was trained with.')
    return read_network_config(model, weights, name), weights


def _around(name: str, value: Any) -> Any:
    """What is around the network, built of what the caller (no file) says."""
    if name in AROUND and isinstance(value, Mapping):
        return AROUND[name](**{key: item for key, item in value.items() if key != 'type'})
    return value


def check_device(device: str) -> None:
    """Raises a ValueError where there is no such device."""
    try:
        torch.zeros(1, device=device)
    except (AssertionError, RuntimeError) as error:
        raise ValueError(f'device={device!r} cannot be used here: {str(error).splitlines()[0]}') from None


def carried_model(content: dict[str, Any], name: str) -> Any:
    """What a checkpoint says of its model, as data nobody has looked at yet; None if it says nothing.

    Raises:
        CheckpointError: if it says it in anything but plain data.
    """
    meta = content.get('meta')
    if not isinstance(meta, dict):
        return None
    if 'model' in meta:
        return meta['model']
    if meta.get('cfg') is None:  # checkpoints of earlier versions carry its source
        return None
    try:
        return read_plain_config(meta['cfg'])['model']
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f'{name} carries a config without a plain model ({error}): give a config.') from None


def _trusted_model(config: str) -> Any:
    """The model of a config that the caller gives, without what training began from: trained weights take its place."""
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
