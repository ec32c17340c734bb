"""From a checkpoint file to a network that fuses."""

import pickle
from pathlib import Path

from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader

from mmdefusion.models.fusers import PictureFuser
from mmdefusion.registry import MODELS
from mmdefusion.utils.checkpoint import unwrap
from mmdefusion.utils.plain_config import read_plain_config

WEIGHTS = Path(__file__).resolve().parents[1] / 'weights'
SLOTS = ('backbone', 'neck', 'common_head', 'unique_head', 'fused_head')


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
    try:
        content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(f'{checkpoint} is no checkpoint that torch can read safely: {error}') from None
    model = _model_config(content, checkpoint, config)
    if missing := [slot for slot in SLOTS if slot not in model]:
        raise ValueError(
            f'The config of {config or checkpoint} has no {", ".join(missing)}: it does not draw images. Give a '
            'checkpoint of pretraining (configs/pretrain), or its config.'
        )
    parts = {slot: model[slot] for slot in SLOTS}
    parts['neck'] = [dict(parts['neck'][0], common='mean', out_maps=None)]
    fuser = MODELS.build(dict(type='mmdefusion.PictureFuser', **parts, **pictures))
    weights = unwrap(content)
    if absent := [name for name in fuser.state_dict() if name not in weights]:
        raise ValueError(f'{checkpoint} lacks {len(absent)} of the weights, first {absent[0]}: is it whole?')
    fuser.load_state_dict({name: weights[name] for name in fuser.state_dict()})
    return fuser.to(device).eval()


def _model_config(content: dict, checkpoint: str, config: str | None) -> dict:
    if config is not None:
        return Config.fromfile(config).model
    text = content.get('meta', {}).get('cfg')
    if text is None:
        raise ValueError(f'{checkpoint} carries no config: give the one that it was trained with.')
    try:
        return dict(read_plain_config(text)['model'])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{checkpoint} carries a config without a plain model ({error}): give a config.') from None
