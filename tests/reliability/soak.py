"""Thousands of pairs of all sizes through one FusionInferencer: memory and open files must not grow.

    python tests/reliability/soak.py --pairs 5000

Prints the slope of both over the second half, when caches are warm, and exits with 1 where one is above its bound.
Half of the pairs are arrays, half are files that are read and written. Nothing is asserted of time.
"""

import argparse
import gc
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import psutil

from mmdefusion.apis import FusionInferencer
from mmdefusion.utils.progress import track

SIZES = range(16, 113)  # of either side, in pixels
BYTES_A_PAIR = 1024  # growth above which memory counts as leaking: 5 MiB in 5,000 pairs
FILES_A_STEP = 1e-3
READINGS = 100


@dataclass(frozen=True)
class Growth:
    """What a long run needed more and more of.

    Attributes:
        steps: pairs that were fused, or iterations.
        bytes_a_step: slope of the resident memory over the second half.
        files_a_step: slope of the number of open files.
        memory: resident at the end, in bytes.
        files: open at the end.
    """

    steps: int
    bytes_a_step: float
    files_a_step: float
    memory: int
    files: int

    @classmethod
    def of(cls, readings: Sequence[tuple[int, int, int]]) -> 'Growth':
        """From how many steps were done, the bytes that were resident then, and the files that were open."""
        steps, memory, files = np.array(readings[len(readings) // 2 :], float).T
        slopes = [float(np.polyfit(steps, values, 1)[0]) for values in (memory, files)]
        return cls(readings[-1][0], *slopes, int(memory[-1]), int(files[-1]))

    def flat(self, bytes_a_step: float, files_a_step: float = FILES_A_STEP) -> bool:
        """Whether neither grows by more than its bound."""
        return self.bytes_a_step < bytes_a_step and self.files_a_step < files_a_step

    def words(self, step: str) -> str:
        """For people."""
        return (
            f'{self.steps} {step}s: memory grows by {self.bytes_a_step:.0f} bytes per {step} to '
            f'{self.memory / 2**20:.0f} MiB, open files by {round(self.files_a_step, 5) + 0.0:.5f} to {self.files}'
        )


def random_pair(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Noise of a random size: visible H×W×3 uint8, infrared H×W of 8 or 16 bits."""
    height, width = generator.choice(SIZES, 2)
    visible = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    deep = bool(generator.integers(2))
    infrared = generator.integers(0, 65536 if deep else 256, (height, width), dtype=np.uint16 if deep else np.uint8)
    return visible, infrared


def fuse_many(fuser: FusionInferencer, pairs: int, folder: Path, seed: int = 0) -> Growth:
    """Fuses so many random pairs, every other one by way of files, and measures what grows."""
    generator, process, read = np.random.default_rng(seed), psutil.Process(), []
    every = max(10, pairs // READINGS)  # a reading looks through all objects, which takes longer than a pair
    for number in track(range(1, pairs + 1), 'fusing'):
        visible, infrared = random_pair(generator)
        if number % 2:
            fuser.fuse((visible, infrared), parts=number % 4 == 1)
        else:
            paths = [folder / 'vi.png', folder / 'ir.png']
            for path, image in zip(paths, (visible, infrared), strict=True):
                cv2.imwrite(str(path), image)
            fuser(*paths, out_dir=folder / 'out', outputs=['fused', 'panel'])
        if number % every == 0:
            gc.collect()
            read.append((number, process.memory_info().rss, process.num_fds()))
    return Growth.of(read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pairs', type=int, default=5000, help='default: 5000')
    parser.add_argument('--weights', help='checkpoint of pretraining (default: the one that comes with mmdefusion)')
    args = parser.parse_args()
    start = time.monotonic()
    fuser = FusionInferencer(args.weights, device='cpu', show_progress=False)
    with tempfile.TemporaryDirectory() as folder:
        growth = fuse_many(fuser, args.pairs, Path(folder))
    print(f'{time.monotonic() - start:.0f} s, {growth.words("pair")}')
    if not growth.flat(BYTES_A_PAIR):
        raise SystemExit(f'This leaks: {BYTES_A_PAIR} bytes and {FILES_A_STEP} files a pair are allowed.')


if __name__ == '__main__':
    main()
