"""Chance in transforms: new in training, the same for the same image in tests."""

import os
import zlib

import numpy as np


def generator(seed: int | None, results: dict) -> np.random.Generator:
    """Where draws come from.

    Args:
        seed: None draws anew each time (from NumPy's global state, which the runner seeds); with a number the draws
            depend on it and on the file name of the image, not on order, workers or epoch.
        results: of the pipeline; the key img_path is read.
    """
    if seed is None:
        return np.random.default_rng(np.random.randint(2**31))
    name = os.path.basename(str(results.get('img_path', '')))
    return np.random.default_rng((seed, zlib.crc32(name.encode())))
