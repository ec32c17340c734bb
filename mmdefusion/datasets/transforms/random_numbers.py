"""Random numbers for transforms: new ones in training, the same ones for the same image in tests."""

import os
import zlib

import numpy as np


def generator(seed: int | None, results: dict) -> np.random.Generator:
    """Makes the random number generator of a transform for one sample.

    Args:
        seed: None samples anew each time (from NumPy's global state, which the runner seeds). With a number, the
            samples depend on it and on the file name of the image, not on order, workers or epoch.
        results: the results dict of the pipeline; its key img_path is read.
    """
    if seed is None:
        return np.random.default_rng(np.random.randint(2**31))
    name = os.path.basename(str(results.get('img_path', '')))
    return np.random.default_rng((seed, zlib.crc32(name.encode())))
