"""Normalises packed pairs for the encoder."""

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from ..layers import mark_padding
from ..layers.normalize import IMAGENET_MEAN, IMAGENET_STD
from ..layers.place import Key, key_of, put_on, take_off

MODALITIES = ('visible', 'infrared')
LARGEST = 1000  # of a normalised pixel: gradients are finite there, at 20,000 they are not
# the remedy for batches of several sizes in a test
ONE_SIZE = "val_cfg.type='mmdefusion.OneSizeValLoop' and test_cfg.type='mmdefusion.OneSizeTestLoop'"


class PairNormalizer(nn.Module):
    """Turns images of 4 or 6 channels into normalised RGB pairs of 6 channels.

    The first three channels are the visible image in BGR; the others are the partner: one infrared channel, which is
    repeated to three, or a second BGR image.

    Args:
        modalities: modalities of both inputs of the encoder. ``('visible', 'infrared')`` is the pair; ``('visible',
            'visible')`` and ``('infrared', 'infrared')`` give one modality twice, for single-sensor baselines of the
            same network and cost.
        mean, std: mean and standard deviation of the visible image, RGB, 0-255.
        ir_mean, ir_std: the same for the partner, one or three values; by default those of the visible image, as in
            DeFusion++.
        modality_dropout: probability in training that one modality of a sample (either, equally often) is set to 0
            before normalisation, which is what ``AppendPartner(missing='zeros')`` does with a missing partner; or two
            probabilities, of the visible and of the infrared image. Samples whose partner is missing already
            (``partner_missing`` in ``meta_keys`` of the packing step), or one of whose images is 0 everywhere, are not
            changed.

    Raises:
        ValueError: if modalities are unknown, the number of values is wrong, values would make pixels huge, the
            probability is outside [0, 1), or dropout is used with only one modality.
    """

    def __init__(
        self,
        modalities: Sequence[str] = MODALITIES,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        ir_mean: Sequence[float] | None = None,
        ir_std: Sequence[float] | None = None,
        modality_dropout: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__()
        self.modalities = tuple(modalities)
        if len(self.modalities) != 2 or not set(self.modalities) <= set(MODALITIES):
            raise ValueError(f'modalities={self.modalities} must be two of {MODALITIES}, one for each slot.')
        self.modality_dropout = read_dropout(modality_dropout)
        if any(self.modality_dropout) and len(set(self.modalities)) == 1:
            raise ValueError(
                f'modality_dropout={modality_dropout} with modalities={self.modalities} would leave '
                'nothing to see: set it to 0 or use both modalities.'
            )
        refuse_huge(mean, std, 'mean', 'std')
        if ir_mean or ir_std:
            refuse_huge(ir_mean or mean, ir_std or std, 'ir_mean', 'ir_std')
        means = {'visible': mean, 'infrared': ir_mean or mean}
        stds = {'visible': std, 'infrared': ir_std or std}
        for name, values in (('mean', means), ('std', stds)):
            both = torch.cat([three_values(name, values[modality]) for modality in self.modalities])
            self.register_buffer(name, both.view(6, 1, 1), persistent=False)

    def forward(self, image: Tensor, dropped: str | None = None) -> Tensor:
        """Normalises one image.

        Args:
            image: C×H×W, 0-255, with C = 4 or 6 (or 3 if ``modalities`` need only the visible image).
            dropped: modality whose pixels are set to 0.

        Returns:
            Two normalised RGB images along the channels, 6×H×W float.

        Raises:
            ValueError: if the image lacks channels that ``modalities`` need.
        """
        channels = image.shape[0]
        if channels not in (4, 6) and not (channels == 3 and 'infrared' not in self.modalities):
            raise ValueError(
                f'The image has {channels} channels but modalities={self.modalities} need 4 (visible + infrared) or '
                "6 (two colour images): add dict(type='mmdefusion.AppendPartner') to the pipeline (with --tta to "
                'tta_pipeline) after the photometric transforms.'
            )
        image = image.float()
        seen = {'visible': image[[2, 1, 0]], 'infrared': image[3:].flip(0)}
        if dropped:
            seen[dropped] = torch.zeros_like(seen[dropped])
        pair = torch.cat([seen[name].expand(3, -1, -1) for name in self.modalities])
        return (pair - self.mean) / self.std

    def sample_dropped(self) -> str | None:
        """Samples the modality that a training sample loses, or None."""
        visible, infrared = self.modality_dropout
        drawn = torch.rand(()).item()
        if drawn < visible:
            return 'visible'
        return 'infrared' if drawn < visible + infrared else None


class PairedPreprocessing:
    """Mixin for data preprocessors of the toolboxes: the output is B×6×H×W, two normalised RGB images.

    Images that say where they lie in the whole (:class:`~mmdefusion.AppendPlace`) give B×9×H×W, with that place and the
    number of the image behind the pair; :class:`~mmdefusion.KeptTokensHook` sets ``number_of``, from the paths of both
    images to that number.

    Args:
        modalities, mean, std, ir_mean, ir_std, modality_dropout: see :class:`PairNormalizer`.
        bgr_to_rgb, rgb_to_bgr: as stock configs set them, for images that are read as BGR, which pairs always are.
        **padding: arguments of the toolbox's class, which concern padding and batches. Padding with 0 (the default) is
            marked for the encoder (see :func:`mark_padding`); padding with another value counts as part of the image.

    Raises:
        ValueError: for channels in another order, or see :class:`PairNormalizer`.
    """

    number_of: Callable[[Key], int] | None = None

    def __init__(
        self,
        modalities: Sequence[str] = MODALITIES,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        ir_mean: Sequence[float] | None = None,
        ir_std: Sequence[float] | None = None,
        modality_dropout: float | Sequence[float] = 0.0,
        bgr_to_rgb: bool = True,
        rgb_to_bgr: bool = False,
        **padding: Any,
    ) -> None:
        if not bgr_to_rgb or rgb_to_bgr:
            raise ValueError(
                f'bgr_to_rgb={bgr_to_rgb} and rgb_to_bgr={rgb_to_bgr}: pairs are read as BGR and always become RGB; '
                'leave both out.'
            )
        super().__init__(mean=None, std=None, bgr_to_rgb=False, rgb_to_bgr=False, **padding)
        self.pair_normalizer = PairNormalizer(modalities, mean, std, ir_mean, ir_std, modality_dropout)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Normalises, pads and stacks a batch of packed images with 4 or 6 channels, or 7 or 9 with their place."""
        data = self.cast_data(data)
        samples = data.get('data_samples') or [None] * len(data['inputs'])
        pairs = [self._normalize(*pair, training) for pair in zip(data['inputs'], samples, strict=True)]
        batch = super().forward({**data, 'inputs': pairs}, training)
        # batch augmentations change the sizes and write them into the samples
        augmented = training and getattr(self, 'batch_augments', None)
        shapes = [sample.img_shape for sample in batch['data_samples']] if augmented else [p.shape for p in pairs]
        # places, behind the pair, are marked whatever the pair is padded with
        filled = getattr(self, 'pad_value', 0) or getattr(self, 'pad_val', 0)
        marked = batch['inputs'][:, 6:] if filled else batch['inputs']
        mark_padding(marked, [tuple(shape[-2:]) for shape in shapes])
        return batch

    def _normalize(self, image: Tensor, sample: Any, training: bool) -> Tensor:
        path = getattr(sample, 'img_path', None)
        image, place = take_off(image)
        whole = not getattr(sample, 'partner_missing', False)
        # drawn without dropout too, so that trainings with and without see the same random numbers
        dropped = self.pair_normalizer.sample_dropped() if training and whole else None
        if dropped and not (image[:3].any() and image[3:].any()):
            dropped = None  # packing steps of the toolboxes do not say partner_missing
        try:
            pair = self.pair_normalizer(image, dropped)
        except ValueError as error:
            raise ValueError(f'{path}: {error}' if path else str(error)) from None
        if place is None:
            return pair
        if self.number_of is None:
            raise ValueError(
                f'{path} says where it lies in the whole image (AppendPlace), but nobody has kept tokens of that: add '
                "dict(type='mmdefusion.KeptTokensHook') to custom_hooks, or leave AppendPlace out."
            )
        return put_on(pair, place, self.number_of(key_of(sample)))


def read_dropout(modality_dropout: float | Sequence[float]) -> tuple[float, float]:
    """The probabilities with which a sample loses its visible and its infrared image."""
    alone = isinstance(modality_dropout, Real)
    each = (modality_dropout / 2, modality_dropout / 2) if alone else tuple(modality_dropout)
    if len(each) != 2 or not min(each) >= 0 or not sum(each) < 1:
        raise ValueError(
            f'modality_dropout={modality_dropout} must be a probability from 0 to below 1, or two, of the visible and '
            'of the infrared image, whose sum is.'
        )
    return each


def refuse_huge(mean: Sequence[float], std: Sequence[float], mean_name: str, std_name: str) -> None:
    """Raises where pixels would be so far from 0 that training ends in NaN, such as by those of images in [0, 1]."""
    means, stds = three_values(mean_name, mean), three_values(std_name, std)
    largest = torch.maximum(means.abs(), (255 - means).abs()) / stds
    if not (stds > 0).all() or not (largest <= LARGEST).all():
        raise ValueError(
            f'{mean_name}={tuple(mean)} and {std_name}={tuple(std)} would make pixels of 0-255 as large as '
            f'{largest.max():.4g} (at most {LARGEST}): give both in 0-255, as {IMAGENET_MEAN} and {IMAGENET_STD} are.'
        )


def three_values(name: str, values: Sequence[float]) -> Tensor:
    """A tensor of three values, for R, G and B; a single value is repeated."""
    if len(values) not in (1, 3):
        raise ValueError(f'{name}={tuple(values)} of a modality must be one value or three, in RGB.')
    return torch.tensor(values, dtype=torch.float32).expand(3)
