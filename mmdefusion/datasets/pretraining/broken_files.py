"""Keeps count of the files that could not be read."""

import torch
from mmengine.logging import print_log


class BrokenFiles:
    """Which samples of a data set are broken, known to all its worker processes.

    Args:
        size: number of samples.
        max_share: more than this share of broken samples is an error.
    """

    def __init__(self, size: int, max_share: float) -> None:
        self.flags = torch.zeros(size, dtype=torch.uint8).share_memory_()
        self.max_share = max_share

    def __contains__(self, index: int) -> bool:
        return bool(self.flags[index])

    def indices(self) -> list[int]:
        """Of all samples found broken so far."""
        return self.flags.nonzero().flatten().tolist()

    def add(self, index: int, error: Exception) -> None:
        """Take note of one.

        Raises:
            ValueError: if there are too many by now.
        """
        if index in self:
            return
        self.flags[index] = 1
        count = int(self.flags.sum())
        found = f'{count} of {len(self.flags)} files cannot be used'
        if count > self.max_share * len(self.flags):
            raise ValueError(
                f'{found}, more than max_broken_share={self.max_share}. Mend or remove them, or raise the share. '
                f'The latest: {error}'
            ) from error
        print_log(f'Skipped for good ({found}): {error}', 'current', level=30)
