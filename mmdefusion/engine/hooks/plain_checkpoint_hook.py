"""Checkpoints that torch's safe loader reads."""

from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.model import is_model_wrapper

from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.checkpoints.network_config import plain_network_config
from mmdefusion.models.fusers import ImageFuser
from mmdefusion.registry import HOOKS

HISTORY = 'history_buffer'  # key that marks a HistoryBuffer written as plain data


def to_plain(value: Any) -> Any:
    """``value`` with history buffers, numpy arrays and numpy scalars as dicts, tensors and Python numbers."""
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
    """Undo :func:`to_plain` for history buffers, which MMEngine needs back; numbers stay plain."""
    if not isinstance(value, dict):
        return value
    if set(value) == {HISTORY}:
        history = value[HISTORY]
        return HistoryBuffer(history['log'].tolist(), history['count'].tolist(), history['max_length'])
    return {key: from_plain(item) for key, item in value.items()}


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Writes a Runner's message hub as plain data and restores it on loading.

    MMEngine pickles the hub's HistoryBuffers and numpy scalars into every checkpoint, which
    ``torch.load`` refuses by default since torch 2.6 (``weights_only=True``): training could not be
    resumed. With this hook in ``custom_hooks`` nothing needs to be allow-listed.

    Checkpoints of networks that fuse also carry what they are in ``meta['model']``: :func:`load_fuser` reads that, and
    not the config's source.
    """

    priority = 'VERY_LOW'  # after the hooks that put something into the checkpoint

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        for key in ('message_hub', 'meta'):
            if key in checkpoint:
                checkpoint[key] = to_plain(checkpoint[key])
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if isinstance(model, ImageFuser) and isinstance(model.backbone, DeFusionEncoder):
            checkpoint.setdefault('meta', {})['model'] = plain_network_config(model.backbone.arch)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if isinstance(checkpoint.get('meta'), dict):
            checkpoint['meta'].pop('config', None)  # Python, which MMEngine's runner runs on resuming
        if 'message_hub' in checkpoint:
            checkpoint['message_hub'] = from_plain(checkpoint['message_hub'])
