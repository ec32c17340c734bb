"""Draws predictions on both images of a pair."""

from collections.abc import Sequence
from pathlib import Path

import cv2
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from mmdefusion.datasets.pairing import absent_files
from mmdefusion.registry import HOOKS
from mmdefusion.utils.image_io import read_image, read_partner


@HOOKS.register_module()
class PairedVisualizationHook(Hook):
    """Draws validation and test predictions and the ground truth on the visible and the infrared image.

    The drawings go to the backends of the toolbox's visualizer (files, TensorBoard, …) as ``NAME_visible`` and
    ``NAME_infrared``, which a pair without an infrared file has none of. The samples must have img_path and img_ir_path
    (``meta_keys`` of the packing transform).

    Args:
        interval: number of batches between two drawings.
        backend_args: how files are read, as in the data set.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 50, backend_args: dict | None = None) -> None:
        self.interval, self.backend_args = interval, backend_args

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Sequence | None = None
    ) -> None:
        """Draws the first pair of the batch."""
        if self.every_n_inner_iters(batch_idx, self.interval):
            self.draw(runner, outputs[0], runner.iter + batch_idx)  # two folders may have images of one name

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Sequence | None = None
    ) -> None:
        """Draws the first pair of the batch."""
        if self.every_n_inner_iters(batch_idx, self.interval):
            self.draw(runner, outputs[0], batch_idx)

    def draw(self, runner: Runner, sample: BaseDataElement, step: int) -> None:
        """Draws one sample on both images.

        Raises:
            KeyError: if the sample has no paths of its images.
        """
        height, width = sample.ori_shape[:2]
        for key in ('img_path', 'img_ir_path'):
            if key not in sample:
                raise KeyError(f'samples have no {key}: add it to meta_keys of the packing transform.')
        visible, infrared = sample.img_path, sample.img_ir_path
        images = dict(visible=read_image(visible, channels=3, backend_args=self.backend_args))
        if not absent_files([infrared], self.backend_args):
            images['infrared'] = read_partner(infrared, visible, channels=3, backend_args=self.backend_args)
        for name, image in images.items():
            image = cv2.resize(image, (width, height))
            title = f'{Path(sample.img_path).stem}_{name}'
            runner.visualizer.add_datasample(title, image[..., ::-1].copy(), sample, step=step)
