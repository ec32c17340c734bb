"""Validation and test loops in which no image is padded because of others."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from mmengine.runner import TestLoop, ValLoop
from mmengine.runner.amp import autocast
from mmengine.runner.loops import _update_losses
from torch import Tensor
from torch.distributed.fsdp import FullyShardedDataParallel

from mmdefusion.registry import LOOPS
from mmdefusion.utils.batching import groups_of_one_size


def sizes_in(batch: Any) -> list[list[int]]:
    """The indices of the images of each size in a batch, in the order in which sizes first appear.

    Args:
        batch: batch of a dataloader with ``pseudo_collate``: ``inputs`` and ``data_samples`` are lists with one element
            per sample, or, in test-time augmentation, one such list per variant. Stacked batches have one size already,
            and so has whatever is no such batch: of these the list is empty.
    """
    images = batch.get('inputs') if isinstance(batch, dict) else None
    if isinstance(images, list | tuple) and images and isinstance(images[0], list | tuple):
        images = images[0]  # the other variants are made of the same images
    if not isinstance(images, list | tuple) or not all(isinstance(image, Tensor) for image in images):
        return []
    return groups_of_one_size(images)


def pick(batch: dict[str, Any], group: Sequence[int]) -> dict[str, Any]:
    """A batch of some images of a batch."""
    return {key: _pick(value, group) for key, value in batch.items()}


def _pick(values: Sequence, indices: Sequence[int]) -> list:
    if values and isinstance(values[0], list | tuple):
        return [_pick(variant, indices) for variant in values]
    return [values[index] for index in indices]


class _OneSize:
    """An iteration of a loop of MMEngine, in which the model sees the images of each size by themselves.

    Metrics and hooks see the whole batch in its order: several processes give their results in turn, and MMEngine takes
    the last ones for repetitions. A model that is sharded (FSDP) sees the whole batch, padded: its processes gather its
    weights in every forward pass, and would wait for ever if they had different numbers of them.
    """

    stage: Literal['val', 'test']

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Runs a batch."""
        groups = sizes_in(data_batch)
        if len(groups) < 2 or isinstance(self.runner.model, FullyShardedDataParallel):
            super().run_iter(idx, data_batch)
            return
        self.runner.call_hook(f'before_{self.stage}_iter', batch_idx=idx, data_batch=data_batch)
        step, losses = getattr(self.runner.model, f'{self.stage}_step'), getattr(self, f'{self.stage}_loss')
        found = {}
        for group in groups:
            with autocast(enabled=self.fp16):
                outputs = step(pick(data_batch, group))
            outputs, _ = _update_losses(outputs, losses)
            found.update(zip(group, outputs, strict=True))
        outputs = [found[index] for index in sorted(found)]
        self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        self.runner.call_hook(f'after_{self.stage}_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)


@LOOPS.register_module()
class OneSizeValLoop(_OneSize, ValLoop):
    """MMEngine's ValLoop, in which the images of each size in a batch pass the model separately.

    Heads with GroupNorm or pooling average over padding, so their predictions depend on it. Here no image is padded
    because of others, so that scores do not depend on ``batch_size``.
    """

    stage = 'val'


@LOOPS.register_module()
class OneSizeTestLoop(_OneSize, TestLoop):
    """MMEngine's TestLoop, in which the images of each size pass the model separately, see :class:`OneSizeValLoop`."""

    stage = 'test'
