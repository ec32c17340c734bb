"""Batches whose random transforms depend on their place in the run only."""

from collections.abc import Iterator
from typing import Any

from mmengine.dist import get_rank
from torch.utils.data import BatchSampler, Sampler

from mmdefusion.registry import DATA_SAMPLERS
from mmdefusion.utils.seeding import seed_all


class SeededBatch:
    """The indices of a batch, which seeds the random transforms of each sample, whatever process loads it.

    Args:
        indices: indices of the data set.
        *place: numbers that identify the batch in the run.
    """

    def __init__(self, indices: list[int], *place: int) -> None:
        self.indices = indices
        self.place = place

    def __iter__(self) -> Iterator[int]:
        """Yields the indices, each after seeding; a sample is loaded before the next index is requested."""
        for number, index in enumerate(self.indices):
            seed_all(*self.place, number)
            yield index

    def __len__(self) -> int:
        return len(self.indices)


@DATA_SAMPLERS.register_module()
class SeededBatchSampler(Sampler):
    """Seeded batches of any sampler and batch sampler of the toolboxes, which can start at any batch.

    Args:
        sampler: sampler of the samples.
        batch_size: samples in a batch.
        seed: seed of the run; the same in all processes.
        drop_last: whether to leave out a smaller last batch.
        batch_sampler: config of a batch sampler, such as AspectRatioBatchSampler; None takes samples in order.
    """

    def __init__(
        self,
        sampler: Sampler,
        batch_size: int,
        seed: int,
        drop_last: bool = False,
        batch_sampler: dict[str, Any] | None = None,
    ) -> None:
        options = dict(sampler=sampler, batch_size=batch_size)
        if batch_sampler is None:
            self.batches = BatchSampler(**options, drop_last=drop_last)
        else:
            self.batches = DATA_SAMPLERS.build(batch_sampler, default_args=options)
        self.sampler = sampler
        self.seed = seed
        self.skip = 0  # batches to skip, because the run was trained on them before

    def __iter__(self) -> Iterator[SeededBatch]:
        epoch = getattr(self.sampler, 'epoch', 0)
        for number, indices in enumerate(self.batches):
            if self.skip:
                self.skip -= 1
            else:
                yield SeededBatch(indices, self.seed, get_rank(), epoch, number)

    def __len__(self) -> int:
        return len(self.batches)
