"""Seeds all random number generators at once."""

import random
import zlib

import numpy as np
import torch


def seed_all(*parts: object) -> None:
    """Seeds the generators of Python, NumPy and torch with a checksum of ``parts``, such as a name and a number."""
    seed = zlib.crc32(' '.join(map(str, parts)).encode())
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
