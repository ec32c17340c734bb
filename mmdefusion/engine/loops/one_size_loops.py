"""Validation and test loops in which no image is padded because of others."""

from collections.abc import Sequence
from typing import Any

from mmengine.runner import TestLoop, ValLoop
from torch import Tensor

from mmdefusion.registry import LOOPS
from mmdefusion.utils.batching import groups_of_one_size


def split_by_size(batch: Any) -> list[Any]:
    """Splits a batch into batches of one size each, in the order in which sizes first appear.

    Args:
        batch: batch of a dataloader with ``pseudo_collate``: ``inputs`` and ``data_samples`` are lists with one element
            per sample, or, in test-time augmentation, one such list per variant. Stacked batches have one size already.
    """
    images = batch.get('inputs') if isinstance(batch, dict) else None
    if isinstance(images, list | tuple) and images and isinstance(images[0], list | tuple):
        images = images[0]  # the other variants are made of the same images
    if not isinstance(images, list | tuple) or not all(isinstance(image, Tensor) for image in images):
        return [batch]
    groups = groups_of_one_size(images)
    return [{key: _pick(value, group) for key, value in batch.items()} for group in groups] if groups[1:] else [batch]


def _pick(values: Sequence, indices: Sequence[int]) -> list:
    if values and isinstance(values[0], list | tuple):
        return [_pick(variant, indices) for variant in values]
    return [values[index] for index in indices]


@LOOPS.register_module()
class OneSizeValLoop(ValLoop):
    """MMEngine's ValLoop, which runs the images of each size in a batch separately (with the same iteration number).

    Heads with GroupNorm or pooling average over padding, so their predictions depend on it. Here no image is padded
    because of others, so that scores do not depend on ``batch_size``.
    """

    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Validates on a batch."""
        for part in split_by_size(data_batch):
            super().run_iter(idx, part)


@LOOPS.register_module()
class OneSizeTestLoop(TestLoop):
    """MMEngine's TestLoop, which runs the images of each size in a batch separately, see :class:`OneSizeValLoop`."""

    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Tests on a batch."""
        for part in split_by_size(data_batch):
            super().run_iter(idx, part)
