"""The paired data preprocessor of mmdet."""

import logging
from typing import Any

from mmdet.models.data_preprocessors import DetDataPreprocessor
from mmengine.logging import print_log

from mmdefusion.registry import MODELS

from .pair_normalizer import ONE_SIZE, PairedPreprocessing


@MODELS.register_module()
class PairedDetDataPreprocessor(PairedPreprocessing, DetDataPreprocessor):
    """mmdet's preprocessor for pairs; arguments as in :class:`PairedPreprocessing` and mmdet's DetDataPreprocessor.

    It warns of the first batch of several sizes in a test, where predictions for an image depend on its padding.
    """

    warned = False

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Normalises, pads and stacks a batch, see :class:`PairedPreprocessing`."""
        sizes = {tuple(image.shape[-2:]) for image in data['inputs']}
        if len(sizes) > 1 and not training and not self.warned:
            self.warned = True
            print_log(
                f'The images of a batch have the sizes {sorted(sizes)} (height, width): they are padded, and what is '
                f'found in one depends on the others. Set batch_size=1 or {ONE_SIZE}.',
                'current',
                logging.WARNING,
            )
        return super().forward(data, training)
