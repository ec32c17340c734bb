"""Scores many fused image files in several processes."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context

import cv2
import numpy as np

from mmdefusion.inference.infrared import one_to_white_hot
from mmdefusion.inference.sizes import to_first_size
from mmdefusion.utils.image_io import FULL, FixedRange, read_image, reverse_channels
from mmdefusion.utils.options import warn_in_a_line
from mmdefusion.utils.progress import track
from mmdefusion.utils.threads import map_in_order

from .functional import PROTOCOLS
from .score_table import Row

Triple = tuple[str, str, str]  # paths of a visible, an infrared and a fused image


def score_files(
    triples: Sequence[Triple],
    protocol: str,
    workers: int = 2,
    second: FixedRange = None,
    black_hot: bool | None = None,
    resize: bool = False,
) -> list[Row | ValueError]:
    """Computes the metrics of a protocol for each fused image file.

    Args:
        triples: paths of visible, infrared and fused images.
        protocol: a name in ``PROTOCOLS``.
        workers: number of processes, each of which uses one thread; with 1, no process is started.
        second, black_hot, resize: see :func:`read_triple`.

    Returns:
        For each triple its scores, or an error that names its files.
    """
    return list(iterate_scores(triples, len(triples), protocol, workers, second, black_hot, resize))


def iterate_scores(
    triples: Iterable[Triple],
    total: int,
    protocol: str,
    workers: int = 2,
    second: FixedRange = None,
    black_hot: bool | None = None,
    resize: bool = False,
) -> Iterator[Row | ValueError]:
    """As :func:`score_files`, one result after the other in the order of the triples, as soon as it is there.

    Of the ``total`` triples only a few are asked for ahead.

    Raises:
        ChildProcessError: if a process is ended from outside.
    """
    work = partial(score_file, protocol=protocol, second=second, black_hot=black_hot, resize=resize)
    if workers <= 1:
        yield from track(map(work, triples), 'scoring', total)
        return
    workers = max(1, min(workers, total))
    with ProcessPoolExecutor(workers, get_context('spawn'), _work_in_one_thread) as pool:
        try:
            yield from track(map_in_order(pool, work, triples, workers), 'scoring', total)
        except BrokenProcessPool:  # multiprocessing's own pool would wait for its result for ever
            raise ChildProcessError(
                f'One of {workers} processes that score was ended, maybe for lack of memory: take fewer (--workers).'
            ) from None


def score_file(
    paths: Triple, protocol: str, second: FixedRange = None, black_hot: bool | None = None, resize: bool = False
) -> Row | ValueError:
    """Computes the metrics of one fused image; returns an error instead of raising it."""
    try:
        images = read_triple(paths, second, black_hot, resize)
        return PROTOCOLS[protocol].scores(*images)
    except (OSError, ValueError) as error:
        return ValueError(f'{", ".join(paths)}: {error}')


def read_triple(
    paths: Triple, second: FixedRange = None, black_hot: bool | None = None, resize: bool = False
) -> list[np.ndarray]:
    """Reads the three images, H×W or H×W×3 (RGB), 0-255.

    Args:
        paths: of a visible, an infrared and a fused image.
        second: values of 16-bit and float infrared images that become 0 and 255; None takes percentiles of each, and
            ``FULL`` all of their range, as of second exposures and foci.
        black_hot: whether hot is dark in infrared images, which are then inverted, and turned back to grey from false
            colours in either case, as for fusing; None takes second images as they are.
        resize: whether to bring the second image to the size of the first, as for fusing.
    """
    scalings = (FULL, second, FULL)
    images = [read_image(path, None, fixed_range=scaling) for path, scaling in zip(paths, scalings, strict=True)]
    if black_hot is not None:
        images[1] = one_to_white_hot(images[1], black_hot)
    if resize:
        images[:2] = to_first_size(images[:2], paths[1], resize)
    return [reverse_channels(image) for image in images]


def _work_in_one_thread() -> None:
    cv2.setNumThreads(1)
    warn_in_a_line()
