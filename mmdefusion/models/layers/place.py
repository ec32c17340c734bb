"""Where the pixels of a training image lie in the whole image, as channels behind those of a pair.

They go through flips, crops and scales with the pixels, so that nobody has to write down what a transform did. They
have two forms: in a pipeline three channels in 0-255, of which the third says that they are there (a pair has 4 or 6
channels, so a placed one has 7 or 9), and in a batch three channels in floats, of which the third is the number of the
image among those whose tokens are kept.
"""

import torch
from torch import Tensor

CHANNELS = 3
LARGEST = 255  # stands for the right and the lower edge, as a pixel's value
PLACED = 6 + CHANNELS  # channels of a placed batch


def take_off(image: Tensor) -> tuple[Tensor, Tensor | None]:
    """Splits a packed image C×H×W into that without its place and the place, 2×H×W from 0 to 1, or None."""
    if image.shape[0] not in (4 + CHANNELS, 6 + CHANNELS):
        return image, None
    return image[:-CHANNELS], image[-CHANNELS:-1].float() / LARGEST


def put_on(pair: Tensor, place: Tensor, number: int) -> Tensor:
    """Puts the place 2×H×W and the number of an image behind the channels of its pair: 9×H×W."""
    return torch.cat([pair, place, torch.full_like(place[:1], number)])


def split(batch: Tensor) -> tuple[Tensor, Tensor, list[int]]:
    """Splits a placed batch B×9×H×W into pairs B×6×H×W, places B×2×H×W and the numbers of the images."""
    return batch[:, :6], batch[:, 6:8], [round(number) for number in batch[:, 8, 0, 0].tolist()]
