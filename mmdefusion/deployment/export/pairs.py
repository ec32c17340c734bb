"""Real pairs, as an exported network takes them."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmdefusion.inference.sources import PAIRS_OF_FOLDERS, Item, list_items
from mmdefusion.utils.image_io import reverse_channels

from ..detector import OnnxDetector
from ..fuser import OnnxFuser
from ..metadata import Metadata
from ..segmenter import OnnxSegmenter

WINDOW = 217  # side of the cut-outs that a fuser sees: no multiple of a patch, as sizes are open
Images = tuple[np.ndarray, np.ndarray]
RUNTIMES = {'fuse': OnnxFuser, 'detect': OnnxDetector, 'segment': OnnxSegmenter}


def find_pairs(folder: str | os.PathLike) -> list[Item]:
    """The pairs of a folder with two folders of images in it.

    Raises:
        FileNotFoundError: if it has no such two folders.
        ValueError: if their files do not match.
    """
    for names in PAIRS_OF_FOLDERS:
        both = [Path(folder, name) for name in names]
        if all(one.is_dir() for one in both):
            return list_items([str(one) for one in both], skip_unmatched=True)
    shown = ', '.join(' and '.join(names) for names in PAIRS_OF_FOLDERS)
    raise FileNotFoundError(f'{folder} has no two folders of pairs: name them as one of {shown}.')


def network_inputs(items: list[Item], metadata: Metadata, runtime: OnnxDetector | OnnxSegmenter | None) -> Iterator:
    """Both inputs of the network for each pair, 1×C×H×W.

    Args:
        items: the pairs.
        metadata: of the network.
        runtime: reads and resizes pairs; None for fusers and features, which see the middle of each pair.
    """
    for item in items:
        if runtime is None:
            images = [reverse_channels(middle(image, metadata)) for image in item.read()]
        else:
            images = runtime.load(item, resize=True)[:2]
        visible, infrared = (image.transpose(2, 0, 1)[None].astype(np.float32) for image in images)
        yield visible, infrared if runtime or metadata.task == 'fuse' else infrared[:, : metadata.infrared_channels]


def middle(image: np.ndarray, metadata: Metadata) -> np.ndarray:
    """The middle of an image, of the size that the network takes, or of a sliding window."""
    height, width = metadata.size or (min(WINDOW, image.shape[0]), min(WINDOW, image.shape[1]))
    if image.shape[0] < height or image.shape[1] < width:
        raise ValueError(
            f'A pair of {image.shape[1]}x{image.shape[0]} is smaller than the {width}x{height} of the file.'
        )
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]
