"""Simulates a sensor that fails."""

from mmcv.transforms import BaseTransform

from mmdefusion.registry import TRANSFORMS

from .random_numbers import generator

DROPPABLE = ('visible', 'infrared', 'random')


@TRANSFORMS.register_module()
class DropModality(BaseTransform):
    """Sets one image of a pair to 0, as if its sensor had failed.

    ``modality_dropout`` of the data preprocessors does the same in training, and ``AppendPartner(missing='zeros')``
    does it for a missing partner. Put it after ``AppendPartner``.

    Required key: img (H×W×C, the visible image in the first three channels). Modified keys: img, partner_missing.

    Args:
        modality: 'visible', 'infrared', or 'random' for one of them, equally often.
        prob: probability that a pair loses the modality.
        seed: see :func:`generator`.

    Raises:
        ValueError: if ``modality`` has another value, or ``prob`` lies outside [0, 1].
    """

    def __init__(self, modality: str, prob: float = 1.0, seed: int | None = None) -> None:
        if modality not in DROPPABLE:
            raise ValueError(f'modality={modality!r} is none of {", ".join(DROPPABLE)}')
        if not 0 <= prob <= 1:
            raise ValueError(f'prob={prob} must be a probability from 0 to 1.')
        self.modality = modality
        self.prob = prob
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Drops the modality, or leaves the pair unchanged."""
        rng = generator(self.seed, results)
        if rng.random() >= self.prob:
            return results
        modality = DROPPABLE[rng.integers(2)] if self.modality == 'random' else self.modality
        results['img'] = results['img'].copy()
        results['img'][..., slice(3) if modality == 'visible' else slice(3, None)] = 0
        if modality == 'infrared':
            results['partner_missing'] = True
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(modality={self.modality!r}, prob={self.prob}, seed={self.seed})'
