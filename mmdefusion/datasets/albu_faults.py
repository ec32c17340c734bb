"""Says which steps of albumentations, inside ``Albu``, do not suit pairs, by their names in a config."""

import warnings
from collections.abc import Iterator, Sequence

from mmengine.registry import DefaultScope

from mmdefusion.utils.type_names import type_name

ALBU = 'Albu'  # of mmdet and mmseg
# those that leave every pixel at its place, and treat any number of channels alike
ALIKE = (
    'AdditiveNoise', 'AdvancedBlur', 'Blur', 'Defocus', 'Downscale', 'Emboss', 'GaussNoise', 'GaussianBlur',
    'InvertImg', 'MedianBlur', 'MotionBlur', 'MultiplicativeNoise', 'Posterize', 'RandomBrightness',
    'RandomBrightnessContrast', 'RandomContrast', 'RandomGamma', 'RingingOvershoot', 'SaltAndPepper', 'Sharpen',
    'ShotNoise', 'Solarize', 'UnsharpMask',
)  # fmt: skip
# and those that mix channels, treat them unequally, or take three
COLOURS = (
    'AutoContrast', 'CLAHE', 'ChannelDropout', 'ChannelShuffle', 'ChromaticAberration', 'ColorJitter', 'Equalize',
    'FancyPCA', 'HEStain', 'HueSaturationValue', 'ISONoise', 'Illumination', 'ImageCompression', 'JpegCompression',
    'PlanckianJitter', 'PlasmaBrightnessContrast', 'PlasmaShadow', 'RGBShift', 'RandomFog', 'RandomGravel',
    'RandomRain', 'RandomShadow', 'RandomSnow', 'RandomSunFlare', 'RandomToneCurve', 'Spatter', 'Superpixels',
    'ToGray', 'ToSepia',
)  # fmt: skip
PHOTOMETRIC = (*ALIKE, *COLOURS)
# and those that move, cut, fill or smear all channels alike
GEOMETRIC = (
    'Affine', 'AtLeastOneBBoxRandomCrop', 'BBoxSafeRandomCrop', 'CenterCrop', 'CoarseDropout', 'Crop', 'CropAndPad',
    'CropNonEmptyMaskIfExists', 'D4', 'ElasticTransform', 'Flip', 'GridDistortion', 'GridDropout',
    'GridElasticDeform', 'HorizontalFlip', 'LongestMaxSize', 'Morphological', 'NoOp', 'OpticalDistortion', 'Pad',
    'PadIfNeeded', 'Perspective', 'PiecewiseAffine', 'PixelDropout', 'RandomCrop', 'RandomCropFromBorders',
    'RandomCropNearBBox', 'RandomGridShuffle', 'RandomResizedCrop', 'RandomRotate90', 'RandomScale',
    'RandomSizedBBoxSafeCrop', 'RandomSizedCrop', 'Resize', 'Rotate', 'SafeRotate', 'ShiftScaleRotate',
    'SmallestMaxSize', 'SquareSymmetry', 'ThinPlateSpline', 'Transpose', 'VerticalFlip', 'XYMasking', 'ZoomBlur',
)  # fmt: skip


def fault_before(step: dict) -> str | None:
    """The fault of an Albu that sees the visible image only; None if it leaves all pixels at their places."""
    moving = moving_names(step)
    if not moving:
        return None
    return (
        f'{ALBU} stands before AppendPartner with {", ".join(moving)}, not known to leave pixels of the visible image '
        'at their places; put what is not photometric after'
    )


def fault_behind(step: dict) -> str | None:
    """The fault of an Albu that sees pairs. Warns of steps in no list, which may be sound or not."""
    if _of_mmseg(step['type']):
        return (
            f"mmseg's {ALBU} stands after AppendPartner and drops the infrared image; put what is photometric before "
            "AppendPartner, or take mmdet.Albu with keymap=dict(img='image', gt_seg_map='mask')"
        )
    names = [*_names(step.get('transforms') or ())]
    if unknown := [name for name in names if name not in (*PHOTOMETRIC, *GEOMETRIC)]:
        warnings.warn(
            f'{ALBU} stands after AppendPartner with {", ".join(unknown)}, of which is not known whether all channels '
            'of a pair are treated alike: look at its pictures (tools/analysis_tools/browse_dataset.py).',
            stacklevel=2,
        )
    colours = [name for name in names if name in COLOURS]
    if not colours:
        return None
    return (
        f'{ALBU} stands after AppendPartner with {", ".join(colours)}, which would mix infrared with colours or take '
        'three channels; put such steps before AppendPartner'
    )


def moving_names(step: dict) -> list[str]:
    """The steps inside an Albu that are not known to leave every pixel at its place."""
    return [name for name in _names(step.get('transforms') or ()) if name not in PHOTOMETRIC]


def _names(steps: Sequence[dict]) -> Iterator[str]:
    """Names of steps, those inside OneOf and the like in their place."""
    for step in steps:
        if inner := step.get('transforms'):
            yield from _names(inner)
        else:
            yield type_name(step)


def _of_mmseg(kind: str | type) -> bool:
    """Whether a type is mmseg's, whose Albu converts colours by OpenCV to three channels."""
    if not isinstance(kind, str):
        return kind.__module__.startswith('mmseg.')
    scope, _, _ = kind.rpartition('.')
    current = DefaultScope.get_current_instance()
    return (scope or (current.scope_name if current else '')) == 'mmseg'
