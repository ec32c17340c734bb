"""Saves checkpoints that torch's safe loader can read."""

from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.model import is_model_wrapper

from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.fusers import ImageFuser
from mmdefusion.models.networks.network_config import plain_network_config
from mmdefusion.registry import HOOKS

HISTORY = 'history_buffer'  # key that marks a HistoryBuffer written as plain data


def to_plain(value: Any) -> Any:
    """Converts history buffers, NumPy arrays and NumPy scalars to dicts, tensors and Python numbers."""
    if isinstance(value, HistoryBuffer):
        log, count = (torch.from_numpy(np.asarray(array, dtype=np.float64)) for array in value.data)
        return {HISTORY: {'log': log, 'count': count, 'max_length': value.max_length}}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, dict):
        return {to_plain(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, '_fields'):
        return type(value)(to_plain(item) for item in value)
    return value


def from_plain(value: Any) -> Any:
    """Undoes :func:`to_plain` for history buffers, which MMEngine needs; numbers stay plain."""
    if not isinstance(value, dict):
        return value
    if set(value) == {HISTORY}:
        history = value[HISTORY]
        try:
            return HistoryBuffer(history['log'].tolist(), history['count'].tolist(), history['max_length'])
        except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f'The checkpoint has a log that is none ({error}): resume from another.') from None
    return {key: from_plain(item) for key, item in value.items()}


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Saves all that is no weight as plain data, and restores a runner's message hub on loading.

    MMEngine pickles the hub's HistoryBuffers into every checkpoint, and NumPy scalars wherever a score went (the best
    one of ReduceOnPlateauLR). Since torch 2.6, ``torch.load`` refuses these by default (``weights_only=True``), so
    training could not be resumed. With this hook in ``custom_hooks``, nothing needs to be allow-listed.

    Checkpoints of fusing networks also carry the config of the network in ``meta['model']``, which :func:`load_fuser`
    reads instead of the source of the config.
    """

    priority = 'VERY_LOW'  # after all hooks that add something to the checkpoint

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        for key in checkpoint:
            if not key.endswith('state_dict'):  # of the model, and averaged ones, which are more than dicts of tensors
                checkpoint[key] = to_plain(checkpoint[key])
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if isinstance(model, ImageFuser) and type(model.backbone) is DeFusionEncoder:
            checkpoint.setdefault('meta', {})['model'] = plain_network_config(model.backbone.arch)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        if isinstance(checkpoint.get('meta'), dict):
            checkpoint['meta'].pop('config', None)  # Python source, which MMEngine's runner would run on resuming
        if 'message_hub' in checkpoint:
            checkpoint['message_hub'] = from_plain(checkpoint['message_hub'])
