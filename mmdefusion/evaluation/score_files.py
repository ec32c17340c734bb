"""Metrics of many fused images, in several processes."""

import sys
from collections.abc import Sequence
from functools import partial
from multiprocessing import get_context

import cv2
import numpy as np
from rich.progress import track

from mmdefusion.datasets.image_io import read_image

from .functional import PROTOCOLS

Triple = tuple[str, str, str]  # paths of a visible, an infrared and a fused image
Row = dict[str, float]


def score_files(
    triples: Sequence[Triple], protocol: str, workers: int = 2, lpips: bool = False
) -> list[Row | ValueError]:
    """The metrics of a protocol for each fused image, or the error that names its files.

    Args:
        triples: paths of visible, infrared and fused images.
        protocol: a name in ``PROTOCOLS``.
        workers: processes; each works in one thread.
        lpips: also take LPIPS.
    """
    work = partial(score_file, protocol=protocol, lpips=lpips)
    with get_context('spawn').Pool(max(1, min(workers, len(triples))), _work_in_one_thread) as pool:
        return list(track(pool.imap(work, triples), 'scoring', total=len(triples)))


def score_file(paths: Triple, protocol: str, lpips: bool = False) -> Row | ValueError:
    """All metrics of one image, or what is wrong with it."""
    try:
        images = [_read_rgb(path) for path in paths]
        return PROTOCOLS[protocol].scores(*images) | (_lpips(images) if lpips else {})
    except (OSError, ValueError) as error:
        return ValueError(f'{", ".join(paths)}: {error}')


def _lpips(images: Sequence[np.ndarray]) -> Row:
    from .functional.lpips import lpips_scores  # brings torch, which nothing else here needs

    return lpips_scores(*images)


def _work_in_one_thread() -> None:
    cv2.setNumThreads(1)
    if 'torch' in sys.modules:
        sys.modules['torch'].set_num_threads(1)


def _read_rgb(path: str) -> np.ndarray:
    """H×W or H×W×3, 0-255."""
    image = read_image(path, channels=None)
    return image if image.ndim == 2 else image[..., ::-1]
