"""From a checkpoint file to a network that fuses."""

import pickle
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader

from mmdefusion.models.checkpoints.plain_config import read_plain_config
from mmdefusion.models.checkpoints.unwrap import unwrap
from mmdefusion.models.fusers import PictureFuser
from mmdefusion.registry import MODELS

WEIGHTS = Path(__file__).resolve().parents[1] / 'weights'
SLOTS = ('backbone', 'neck', 'common_head', 'unique_head', 'fused_head')
PREFIXES = ('backbone.', 'neck.0.', 'common_head.', 'unique_head.', 'fused_head.')


def shipped_weights() -> str:
    """The file of the weights that come with the package.

    Raises:
        FileNotFoundError: if it is not there.
    """
    found = sorted(WEIGHTS.glob('defusionpp_tiny-*.pth'))
    if not found:
        raise FileNotFoundError(f'The weights that come with mmdefusion are not in {WEIGHTS}: name a checkpoint.')
    return str(found[0])


def load_fuser(checkpoint: str, config: str | None = None, device: str = 'cpu', **pictures) -> PictureFuser:
    """The fusing part of a pretrained network, in evaluation mode, the common features of both orders averaged.

    Args:
        checkpoint: file or URL, of a training run or published; such files carry their config.
        config: config file, for checkpoints that do not.
        device: where the network goes.
        **pictures: of :class:`PictureFuser`: ``windows``, ``detail``, ``colour``.

    Raises:
        FileNotFoundError: if a file is not there.
        ValueError: if there is no config, it is not that of a fuser, or weights are missing.
    """
    if '://' not in checkpoint and not Path(checkpoint).is_file():
        raise FileNotFoundError(f'The checkpoint {checkpoint} is not there.')
    check_device(device)
    try:
        content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(f'{checkpoint} is no checkpoint that torch can read safely: {error}') from None
    model = _model_config(content, checkpoint, config)
    if missing := [slot for slot in SLOTS if not isinstance(model.get(slot), dict | list | tuple)]:
        raise ValueError(
            f'The config of {config or checkpoint} has no {", ".join(missing)}: it does not draw images. Give a '
            'checkpoint of pretraining (configs/pretrain), or its config.'
        )
    parts = {slot: model[slot] for slot in SLOTS}
    decomposition = parts['neck'] if isinstance(parts['neck'], dict) else parts['neck'][0]
    parts['neck'] = [dict(decomposition, common='mean', out_maps=None)]
    fuser = MODELS.build(dict(type='mmdefusion.PictureFuser', **parts, **pictures))
    weights = {name: value for name, value in unwrap(content).items() if name.startswith(PREFIXES)}
    if absent := [name for name in fuser.state_dict() if name not in weights]:
        raise ValueError(f'{checkpoint} lacks {len(absent)} of the weights, first {absent[0]}: is it whole?')
    if more := sorted(weights.keys() - fuser.state_dict().keys()):
        raise ValueError(f'{checkpoint} is of another arch than the config: it also has {more[0]}.')
    fuser.load_state_dict(weights)
    return fuser.to(device).eval()


def check_device(device: str) -> None:
    """Raises a ValueError where there is no such device."""
    try:
        torch.zeros(1, device=device)
    except (AssertionError, RuntimeError) as error:
        raise ValueError(f'device={device!r} cannot be used here: {str(error).splitlines()[0]}') from None


def _model_config(content: dict, checkpoint: str, config: str | None) -> dict:
    if not isinstance(content, dict):
        raise ValueError(f'{checkpoint} holds a {type(content).__name__}, no weights of a network.')
    if config is not None:
        model = Config.fromfile(config).get('model')
        if model is None:
            raise ValueError(f'{config} has no model: give a config of pretraining (configs/pretrain).')
        return model
    text = content.get('meta', {}).get('cfg')
    if text is None:
        raise ValueError(f'{checkpoint} carries no config: give the one that it was trained with.')
    try:
        return dict(read_plain_config(text)['model'])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{checkpoint} carries a config without a plain model ({error}): give a config.') from None
