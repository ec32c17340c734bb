"""Opens a trained model of pairs, a detector or a segmenter, as its config says."""

import os
from typing import TYPE_CHECKING, Any

from mmengine.config import Config

if TYPE_CHECKING:
    from .paired_inferencing import PairedInferencing


def open_paired(
    config: str | os.PathLike, checkpoint: str | os.PathLike, score_thr: float = 0.3, **options: Any
) -> 'PairedInferencing':
    """Opens a trained model of pairs with the inferencer of its toolbox.

    Args:
        config: path of a config. It is code: give only a config that you trust.
        checkpoint: path of its checkpoint.
        score_thr: smallest score of the boxes that a detector draws, 0 to 1.
        **options: arguments of both inferencers: ``device``, ``fused``, ``show_progress``.

    Returns:
        A :class:`PairedSegInferencer` if the config's default scope is mmseg, else a :class:`PairedDetInferencer`.

    Raises:
        FileNotFoundError: if a file does not exist.
        TypeError: if the config is no path.
        OSError: if the config's file is none of ``.py``, ``.json`` and ``.yaml``.
        ValueError: if the config is not that of a model of pairs (no ``test_dataloader``, or no pipeline with
            AppendPartner in it), the checkpoint is None, cannot be read or is not that of the model (CheckpointError),
            or the device does not exist.
    """
    if Config.fromfile(os.fspath(config)).get('default_scope') == 'mmseg':
        from .paired_seg_inferencer import PairedSegInferencer

        return PairedSegInferencer(config, weights=checkpoint, **options)
    from .paired_det_inferencer import PairedDetInferencer

    return PairedDetInferencer(config, weights=checkpoint, score_thr=score_thr, **options)
