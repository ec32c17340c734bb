"""Batches whose random transforms depend on their place in the run alone."""

from collections.abc import Iterator
from typing import Any

from mmengine.dist import get_rank
from torch.utils.data import BatchSampler, Sampler

from mmdefusion.registry import DATA_SAMPLERS
from mmdefusion.utils.seeding import seed_all


class SeededBatch:
    """The indices of a batch. Whoever loads it, in whatever process, draws the same for each sample.

    Args:
        indices: of the data set.
        *place: of the batch in the run.
    """

    def __init__(self, indices: list[int], *place: int) -> None:
        self.indices = indices
        self.place = place

    def __iter__(self) -> Iterator[int]:
        """Indices in turn; each is loaded before the next is asked for, and after the seeding."""
        for number, index in enumerate(self.indices):
            seed_all(*self.place, number)
            yield index

    def __len__(self) -> int:
        return len(self.indices)


@DATA_SAMPLERS.register_module()
class SeededBatchSampler(Sampler):
    """Batches of any sampler and batch sampler of the toolboxes, seeded, and to be begun anywhere.

    Args:
        sampler: of the samples.
        batch_size: samples in a batch.
        seed: of the run; the same in all processes.
        drop_last: leave the last batch of a pass out, if it is smaller.
        batch_sampler: config of a batch sampler that gathers them, such as AspectRatioBatchSampler.
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
        self.skip = 0  # batches to leave out, because the run was trained on them before

    def __iter__(self) -> Iterator[SeededBatch]:
        epoch = getattr(self.sampler, 'epoch', 0)
        for number, indices in enumerate(self.batches):
            if self.skip:
                self.skip -= 1
            else:
                yield SeededBatch(indices, self.seed, get_rank(), epoch, number)

    def __len__(self) -> int:
        return len(self.batches)
