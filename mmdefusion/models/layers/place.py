"""Where the pixels of a training image lie in the whole image, as channels behind those of a pair.

They go through flips, crops and scales with the pixels, so that nobody has to write down what a transform did. They
have two forms. In a pipeline they are the place across and down, from 0 to 255, and a mark that is 255 where there is a
pixel of the image and less where a transform filled in or blended (a pair has 4 or 6 channels, so a placed one has 7 or
9). In a batch they are the place from 0 to 1, and the number of the image among those whose tokens are kept, plus one;
0 where the mark was not whole, and in padding.
"""

from typing import Any

import torch
from torch import Tensor

CHANNELS = 3
LARGEST = 255  # stands for the right and the lower edge, as a pixel's value
PLACED = 6 + CHANNELS  # channels of a placed batch

Key = tuple[str, str | None]  # the paths of both images of a pair


def key_of(sample: Any) -> Key:
    """The paths of a data sample's images, by which its tokens are kept.

    Raises:
        ValueError: if it does not know them.
    """
    if getattr(sample, 'img_path', None) is None:
        raise ValueError('An image without img_path: let meta_keys of the packing step name img_path and img_ir_path.')
    return sample.img_path, getattr(sample, 'img_ir_path', None)


def take_off(image: Tensor) -> tuple[Tensor, Tensor | None]:
    """Splits a packed image C×H×W into that without its place and the place, or None.

    The place is 3×H×W: across and down from 0 to 1, and 1 where there is a pixel of the image.
    """
    if image.shape[0] not in (4 + CHANNELS, 6 + CHANNELS):
        return image, None
    place = image[-CHANNELS:].float() / LARGEST
    place[-1] = place[-1] > 1 - 0.5 / LARGEST
    return image[:-CHANNELS], place


def put_on(pair: Tensor, place: Tensor, number: int) -> Tensor:
    """Puts the place 3×H×W, of :func:`take_off`, and the number of an image behind the channels of its pair: 9×H×W."""
    return torch.cat([pair, place[:2], place[2:] * (number + 1)])


def split(batch: Tensor) -> tuple[Tensor, Tensor]:
    """Splits a placed batch B×9×H×W into pairs B×6×H×W and places with numbers, B×3×H×W."""
    return batch[:, :6], batch[:, 6:]
