"""From what a paired pipeline packs to what the encoder reads."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

MODALITIES = ('visible', 'infrared')
# of RGB in 0-255; DeFusion++ normalises both images with them
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


class PairNormalizer(nn.Module):
    """Turns H×W images of 4 or 6 channels into normalised RGB pairs of 6.

    The first three channels are the visible image in BGR; the rest is the partner, one infrared
    channel (repeated to three) or a second BGR image.

    Args:
        modalities: what the two slots of the encoder see. ``('visible', 'infrared')`` is the pair;
            ``('visible', 'visible')`` and ``('infrared', 'infrared')`` show one modality to both
            slots, which makes single-sensor baselines of the same network and cost.
        mean, std: of the visible image, RGB, 0-255.
        ir_mean, ir_std: of the partner; those of the visible image by default, as in DeFusion++.
        modality_dropout: probability, in training, that one modality of a sample (either, equally
            often) is set to 0 before normalisation, which is also what
            ``AppendPartner(missing='zeros')`` puts in place of an absent partner.

    Raises:
        ValueError: for unknown modalities, or dropout where there is only one.
    """

    def __init__(
        self,
        modalities: Sequence[str] = MODALITIES,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        ir_mean: Sequence[float] | None = None,
        ir_std: Sequence[float] | None = None,
        modality_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.modalities = tuple(modalities)
        if len(self.modalities) != 2 or not set(self.modalities) <= set(MODALITIES):
            raise ValueError(f'modalities={self.modalities} must be two of {MODALITIES}, one for each slot.')
        if modality_dropout and len(set(self.modalities)) == 1:
            raise ValueError(
                f'modality_dropout={modality_dropout} with modalities={self.modalities} would leave '
                'nothing to see: set it to 0 or use both modalities.'
            )
        self.modality_dropout = modality_dropout
        statistics = {'visible': (mean, std), 'infrared': (ir_mean or mean, ir_std or std)}
        chosen = [statistics[name] for name in self.modalities]
        for name, index in (('mean', 0), ('std', 1)):
            values = torch.tensor([value for pair in chosen for value in pair[index]], dtype=torch.float32)
            self.register_buffer(name, values.view(6, 1, 1), persistent=False)

    def forward(self, image: Tensor, dropped: str | None = None) -> Tensor:
        """Normalise one image.

        Args:
            image: C×H×W, 0-255, C = 4 or 6 (or 3 where only the visible image is asked for).
            dropped: modality whose pixels are set to 0.

        Returns:
            6×H×W float.

        Raises:
            ValueError: if the image lacks the channels that ``modalities`` ask for.
        """
        channels = image.shape[0]
        if channels not in (4, 6) and not (channels == 3 and 'infrared' not in self.modalities):
            raise ValueError(
                f'The image has {channels} channels but modalities={self.modalities} need 4 (visible + infrared) or '
                "6 (two colour images): add dict(type='mmdefusion.AppendPartner') to the pipeline after the "
                'photometric transforms.'
            )
        image = image.float()
        seen = {'visible': image[[2, 1, 0]], 'infrared': image[3:].flip(0)}
        if dropped:
            seen[dropped] = torch.zeros_like(seen[dropped])
        pair = torch.cat([seen[name].expand(3, -1, -1) for name in self.modalities])
        return (pair - self.mean) / self.std

    def normalize_batch(self, data: dict[str, Any], training: bool) -> dict[str, Any]:
        """``data`` of a toolbox (already on the device) with its inputs as a list of 6×H×W pairs."""
        samples = data.get('data_samples') or [None] * len(data['inputs'])
        pairs = []
        for image, sample in zip(data['inputs'], samples, strict=True):
            try:
                pairs.append(self(image, self._draw_dropped() if training else None))
            except ValueError as error:
                path = getattr(sample, 'img_path', None)
                raise ValueError(f'{path}: {error}' if path else str(error)) from None
        return {**data, 'inputs': pairs}

    def _draw_dropped(self) -> str | None:
        if torch.rand(()) >= self.modality_dropout:
            return None
        return MODALITIES[int(torch.rand(()) < 0.5)]
