"""Counts the files that could not be read."""

from collections.abc import Sequence

import torch
from mmengine.logging import print_log

from mmdefusion.inference.stems import some_names


class BrokenFiles:
    """The broken samples of a data set, shared by all its worker processes.

    Args:
        data: the data set; messages name a sample by its ``img_path``.
        max_share: largest share of broken samples; more of them are an error.

    Raises:
        ValueError: if ``max_share`` is not at least 0 and less than 1.
    """

    def __init__(self, data: Sequence, max_share: float) -> None:
        if not 0 <= max_share < 1:
            raise ValueError(f'max_broken_share={max_share} must be at least 0 and less than 1.')
        self.data = data
        self.flags = torch.zeros(len(data), dtype=torch.uint8).share_memory_()
        self.max_share = max_share

    def __contains__(self, index: int) -> bool:
        return bool(self.flags[index])

    def paths(self) -> list[str]:
        """Paths of all samples that were found to be broken so far."""
        return [self.data.get_data_info(index)['img_path'] for index in self.flags.nonzero().flatten().tolist()]

    def add(self, index: int, error: Exception) -> None:
        """Marks a sample as broken.

        Raises:
            ValueError: if too many samples are broken.
        """
        if index in self:
            return
        self.flags[index] = 1
        count = int(self.flags.sum())
        found = f'{count} of {len(self.flags)} files cannot be used'
        if count > self.max_share * len(self.flags):
            raise ValueError(
                f'{found}, more than max_broken_share={self.max_share}. Repair or remove them, or raise the share: '
                f'the broken files{some_names(self.paths())}. The latest: {error}'
            ) from error
        print_log(f'Skipped for good ({found}): {error}', 'current', level=30)
