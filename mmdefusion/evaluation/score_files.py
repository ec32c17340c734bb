"""Metrics of many fused images, in several processes."""

from collections.abc import Sequence
from functools import partial
from multiprocessing import get_context

import cv2
import numpy as np
from rich.progress import track

from mmdefusion.datasets.image_io import read_image

from .functional import PROTOCOLS
from .functional.lpips import lpips_scores

Triple = tuple[str, str, str]  # paths of a visible, an infrared and a fused image
Row = dict[str, float]


def score_files(triples: Sequence[Triple], protocol: str, workers: int = 2, lpips: bool = False) -> list[Row]:
    """The metrics of a protocol for each fused image.

    Args:
        triples: paths of visible, infrared and fused images.
        protocol: a name in ``PROTOCOLS``.
        workers: processes; each works in one thread.
        lpips: also take LPIPS.

    Raises:
        ValueError: if images cannot be read or differ in size; the message names all of them.
    """
    work = partial(score_file, protocol=protocol, lpips=lpips)
    with get_context('spawn').Pool(min(workers, len(triples)), cv2.setNumThreads, (1,)) as pool:
        scores = list(track(pool.imap(work, triples), 'scoring', total=len(triples)))
    if errors := [entry for entry in scores if isinstance(entry, str)]:
        listed = '\n'.join(errors)
        raise ValueError(f'{listed}\n{len(errors)} of {len(scores)} images could not be scored.')
    return scores


def score_file(paths: Triple, protocol: str, lpips: bool = False) -> Row | str:
    """All metrics of one image, or what is wrong with it."""
    try:
        images = [_read_rgb(path) for path in paths]
        return PROTOCOLS[protocol].scores(*images) | (lpips_scores(*images) if lpips else {})
    except (OSError, ValueError) as error:
        return f'{", ".join(paths)}: {error}'


def _read_rgb(path: str) -> np.ndarray:
    """H×W or H×W×3, 0-255."""
    image = read_image(path, channels=None)
    return image if image.ndim == 2 else image[..., ::-1]
