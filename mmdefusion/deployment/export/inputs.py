"""What all exported networks do first: two images in, one normalised pair out. And the names of maps that come out."""

from collections import Counter

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from mmdefusion.models.data_preprocessors import PairNormalizer
from mmdefusion.models.layers.padding import PADDING, cells

PROBED = 256  # side of the image that tells the strides of maps


class PairInput(nn.Module):
    """Normalises visible and infrared, N×3×H×W RGB from 0 to 255 each, to a pair N×6×H×W, and pads it.

    Args:
        normalizer: that of the model's data preprocessor.
        divisor: sides are padded at the bottom and the right to multiples of it; 1 pads nothing.
        value: that of the data preprocessor's padding.

    Raises:
        ValueError: if padding has a value, with which it counts as part of the image.
    """

    def __init__(self, normalizer: PairNormalizer, divisor: int = 1, value: float = 0) -> None:
        super().__init__()
        if divisor != 1 and value != 0:
            raise ValueError(
                f'Padding of the value {value} cannot be exported: leave pad_value (in mmseg pad_val) out of the data '
                'preprocessor, so that padding is told from the image.'
            )
        self.modalities = normalizer.modalities
        self.divisor = divisor
        self.register_buffer('mean', normalizer.mean.clone())
        self.register_buffer('std', normalizer.std.clone())

    def forward(self, visible: Tensor, infrared: Tensor) -> Tensor:
        seen = {'visible': visible, 'infrared': infrared}
        pair = (torch.cat([seen[name] for name in self.modalities], dim=1) - self.mean) / self.std
        if self.divisor == 1:
            return pair
        sides = cells([tuple(pair.shape[-2:])], self.divisor)[0]
        bottom, right = (count * self.divisor - side for count, side in zip(sides, pair.shape[-2:], strict=True))
        return pad(pair, (0, right, 0, bottom), value=PADDING)


def name_maps(model: nn.Module, pair_input: PairInput) -> tuple[str, ...]:
    """Names of the maps that the head of a toolbox's model reads, ``stride_4`` …, found by running it once."""
    image = torch.zeros(1, 3, PROBED, PROBED)
    with torch.no_grad():
        maps = model.extract_feat(pair_input(image, image))
    names = [f'stride_{PROBED // found.shape[-1]}' for found in maps]
    counts = Counter(names)  # dilated networks have several maps of one stride
    return tuple(name if counts[name] == 1 else f'{name}_{place}' for place, name in enumerate(names))
