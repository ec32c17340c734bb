"""A sampler whose order can be resumed at any iteration."""

import itertools
import zlib
from collections.abc import Iterator, Sized
from typing import NamedTuple

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmdefusion.registry import DATA_SAMPLERS


class Draw(NamedTuple):
    """One sample of a run: its index, and the seed of its random transforms."""

    index: int
    seed: int


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler):
    """Endless shuffled passes over a data set, shared among the processes.

    Sample k of a run and its augmentation depend on ``seed`` and k alone, so that a run resumed at iteration n sees
    what an uninterrupted run would have seen, without loading the earlier samples.

    Args:
        dataset: the data set; it must take a :class:`Draw` as an index.
        seed: seed of the order and of the augmentations; the same in all processes.
        augmentations: number of different augmentations of a sample before the first is repeated, so that the outputs
            of teachers can be cached; None samples new ones in every pass.

    Raises:
        ValueError: if ``augmentations`` is less than 1.
    """

    def __init__(self, dataset: Sized, seed: int | None = None, augmentations: int | None = None) -> None:
        if augmentations is not None and augmentations < 1:
            raise ValueError(f'augmentations={augmentations} must be 1 or more, or None for new ones in every pass.')
        self.size = len(dataset)
        self.seed = sync_random_seed() if seed is None else seed
        self.augmentations = augmentations
        self.rank, self.world_size = get_dist_info()
        self.start = 0  # samples that this process skips, because it was trained on them before

    def __iter__(self) -> Iterator[Draw]:
        order, order_of = None, None
        for position in itertools.count(self.rank + self.start * self.world_size, self.world_size):
            number, place = divmod(position, self.size)
            if number != order_of:
                order, order_of = np.random.default_rng([self.seed, number]).permutation(self.size), number
            index = int(order[place])
            augmentation = number % self.augmentations if self.augmentations else number
            yield Draw(index, zlib.crc32(f'{self.seed} {index} {augmentation}'.encode()))

    def __len__(self) -> int:
        return self.size
