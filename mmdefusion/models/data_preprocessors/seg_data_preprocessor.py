"""The paired data preprocessor of mmseg."""

from typing import Any

from mmseg.models.data_preprocessor import SegDataPreProcessor

from mmdefusion.registry import MODELS

from .pair_normalizer import ONE_SIZE, PairedPreprocessing


@MODELS.register_module()
class PairedSegDataPreprocessor(PairedPreprocessing, SegDataPreProcessor):
    """mmseg's preprocessor for pairs; arguments as in :class:`PairedPreprocessing` and mmseg's SegDataPreProcessor."""

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Normalises, pads and stacks a batch, see :class:`PairedPreprocessing`.

        Raises:
            ValueError: if a batch has images of several sizes in testing, which mmseg does not pad.
        """
        sizes = {tuple(image.shape[-2:]) for image in data['inputs']}
        if len(sizes) > 1 and not training:
            raise ValueError(
                f'The images of a batch have the sizes {sorted(sizes)} (height, width): mmseg tests images of one '
                f'size at once, so set batch_size=1 or {ONE_SIZE}, or resize them.'
            )
        return super().forward(data, training)
