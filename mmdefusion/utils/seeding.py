"""All random numbers from one place."""

import random
import zlib

import numpy as np
import torch


def seed_all(*parts: object) -> None:
    """Seeds Python's, NumPy's and torch's generators with what the parts say together."""
    seed = zlib.crc32(' '.join(map(str, parts)).encode())
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
