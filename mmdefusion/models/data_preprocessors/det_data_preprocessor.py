"""The paired data preprocessor of mmdet."""

from collections.abc import Sequence
from typing import Any

from mmdet.models.data_preprocessors import DetDataPreprocessor

from mmdefusion.registry import MODELS

from .pair_normalizer import IMAGENET_MEAN, IMAGENET_STD, MODALITIES, PairNormalizer


@MODELS.register_module()
class PairedDetDataPreprocessor(DetDataPreprocessor):
    """mmdet's preprocessor on pairs: B×6×H×W out, two normalised RGB images along the channels.

    Args:
        modalities, mean, std, ir_mean, ir_std, modality_dropout: see :class:`PairNormalizer`.
        **padding: options of mmdet's DetDataPreprocessor (pad_size_divisor, pad_mask, batch_augments, ...).
    """

    def __init__(
        self,
        modalities: Sequence[str] = MODALITIES,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        ir_mean: Sequence[float] | None = None,
        ir_std: Sequence[float] | None = None,
        modality_dropout: float = 0.0,
        **padding: Any,
    ) -> None:
        super().__init__(mean=None, std=None, bgr_to_rgb=False, rgb_to_bgr=False, **padding)
        self.pair_normalizer = PairNormalizer(modalities, mean, std, ir_mean, ir_std, modality_dropout)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Normalise, pad and stack a batch of packed 4- or 6-channel images."""
        data = self.pair_normalizer.normalize_batch(self.cast_data(data), training)
        return super().forward(data, training)
