"""Seeds all random number generators at once, with a seed that all processes share."""

import random
import zlib
from typing import Any

import numpy as np
import torch
from mmengine.dist import broadcast_object_list


def seed_all(*parts: object) -> None:
    """Seeds the generators of Python, NumPy and torch with a checksum of ``parts``, such as a name and a number."""
    seed = zlib.crc32(' '.join(map(str, parts)).encode())
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def shared_seed(runner: Any) -> int:
    """The seed of a run's first process, by which all sample their data: with ``diff_rank_seed`` each has its own."""
    seed = [runner.seed]
    broadcast_object_list(seed)
    return seed[0]
