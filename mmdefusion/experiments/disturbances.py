"""Disturbances for tests of robustness: a missing sensor, misaligned images, night, fog and heat."""

from dataclasses import dataclass

from mmengine.config import Config, ConfigDict

from mmdefusion.datasets.pipelines import PARTNER, READER, find_step, has_step, insert_behind
from mmdefusion.datasets.transforms import CORRUPTIONS
from mmdefusion.datasets.transforms.drop_modality import DROPPABLE
from mmdefusion.utils.type_names import type_name

SEED = 0  # every model and every run gets the same disturbance of an image


@dataclass(frozen=True)
class Disturbance:
    """A transform of pairs with its name in reports."""

    name: str
    transform: dict

    @classmethod
    def missing(cls, text: str) -> 'Disturbance':
        """Reads ``'visible'``, ``'infrared'``, or ``'random:0.3'``, which drops one of them in that share of the pairs.

        Raises:
            ValueError: if the text has another form.
        """
        modality, _, share = text.partition(':')
        if modality not in DROPPABLE or (modality == 'random') != bool(share):
            raise ValueError(f"{text!r} is none of 'visible', 'infrared' and 'random:SHARE', such as 'random:0.3'.")
        prob = _number(share, text) if share else 1.0
        if not 0 <= prob <= 1:
            raise ValueError(f'{text!r}: {share} is no share from 0 to 1.')
        return cls(f'without {text}', dict(type='mmdefusion.DropModality', modality=modality, prob=prob, seed=SEED))

    @classmethod
    def shift(cls, pixels: float) -> 'Disturbance':
        """Shifts each infrared image by ``pixels`` in a random direction."""
        transform = dict(type='mmdefusion.ShiftPartner', pixels=pixels, exact=True, seed=SEED)
        return cls(f'shift {pixels:g} px', transform)

    @classmethod
    def corruption(cls, text: str) -> 'Disturbance':
        """Reads a kind and a level, such as ``'fog:3'``.

        Raises:
            ValueError: if there is no such kind, or the level is not from 1 to 5.
        """
        kind, _, level = text.partition(':')
        if kind not in CORRUPTIONS or level not in tuple('12345'):
            raise ValueError(f"{text!r} is not KIND:LEVEL, such as 'fog:3'; kinds: {', '.join(CORRUPTIONS)}.")
        return cls(text, dict(type='mmdefusion.CorruptPair', kind=kind, level=int(level), seed=SEED))

    def apply(self, config: Config) -> None:
        """Inserts the transform after AppendPartner in the pipeline that ``config`` tests with.

        That is the pipeline of the test data set, which ``tools/test.py --tta`` has already replaced by
        ``tta_pipeline``. A ``tta_pipeline`` that is not used may be anything, such as a stock one without pairs.

        Raises:
            ValueError: if the pipeline has no AppendPartner, or the model reads fused images.
        """
        if config.get('fused_images'):
            raise ValueError('The model reads fused images, made beforehand: disturbing the pair has no effect.')
        dataset = tested(config)
        dataset.pipeline = insert_behind(dataset.pipeline, PARTNER, self.transform)


def use_tta(config: Config) -> None:
    """Lets ``config`` test with augmentation, by its ``tta_model`` and ``tta_pipeline``.

    A stock ``tta_pipeline``, which a config inherits from a toolbox, has no AppendPartner: that of the test pipeline is
    inserted after the step that reads the visible image.

    Raises:
        ValueError: if the config has no ``tta_model`` or ``tta_pipeline``, the pipeline reads no image, or mmdet would
            have to merge masks of instances, which it does not.
    """
    if missing := [key for key in ('tta_model', 'tta_pipeline') if key not in config]:
        raise ValueError(f'{config.filename} has no {" and no ".join(missing)}: add them, or drop --tta.')
    finds_masks = config.model.get('mask_head') or (config.model.get('roi_head') or {}).get('mask_head')
    if type_name(config.tta_model) == 'DetTTAModel' and finds_masks:
        raise ValueError(f'{config.filename} finds masks of instances, which mmdet does not augment: drop --tta.')
    dataset, augmented = tested(config), config.tta_pipeline
    place = find_step(dataset.pipeline, PARTNER)
    if place is not None and not has_step(augmented, PARTNER):
        augmented = insert_behind(augmented, READER, dataset.pipeline[place])
    dataset.pipeline = augmented
    config.model = dict(**config.tta_model, module=config.model)


def tested(config: Config) -> ConfigDict:
    """The data set that ``config`` tests on.

    Raises:
        ValueError: if it is a wrapper, which has no pipeline of its own.
    """
    dataset = config.test_dataloader.dataset
    if 'pipeline' not in dataset:
        raise ValueError(f'test_dataloader.dataset is a {dataset.type}: give a data set with a pipeline of its own.')
    return dataset


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'{text!r} in {whole!r} is not a number.') from None
