"""Validation and test in which no picture is padded because of its neighbours."""

from collections.abc import Sequence
from typing import Any

from mmengine.runner import TestLoop, ValLoop
from torch import Tensor

from mmdefusion.registry import LOOPS
from mmdefusion.utils.batching import groups_of_one_size


def split_by_size(batch: Any) -> list[Any]:
    """The batches of one size that a batch of samples makes, in the order of each size's first.

    Args:
        batch: of a dataloader with ``pseudo_collate``: ``inputs`` and ``data_samples`` are lists of the samples' own,
            or, in test-time augmentation, a list of these for each variant. What is stacked has one size already.
    """
    images = batch.get('inputs') if isinstance(batch, dict) else None
    if isinstance(images, list | tuple) and images and isinstance(images[0], list | tuple):
        images = images[0]  # the other variants are made of the same pictures
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
    """MMEngine's ValLoop; the pictures of each size in a batch are an iteration of their own (of the same number).

    What heads find in a padded picture depends on the padding: those with GroupNorm or pooling take means over it.
    Here a picture gets none because of others, so that scores do not depend on ``batch_size``.
    """

    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Validate on a batch."""
        for part in split_by_size(data_batch):
            super().run_iter(idx, part)


@LOOPS.register_module()
class OneSizeTestLoop(TestLoop):
    """MMEngine's TestLoop; the pictures of each size in a batch are an iteration of their own, see OneSizeValLoop."""

    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Test on a batch."""
        for part in split_by_size(data_batch):
            super().run_iter(idx, part)
