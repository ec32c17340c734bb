"""Pipelines that would drop the infrared image, leave it behind, or fail on it: told from the config alone."""

from collections.abc import Iterator, Sequence

from .pipelines import PARTNER, find_step, name_of_step

# of mmcv, mmdet and mmseg; they take three channels, and OpenCV drops a fourth without a word
PHOTOMETRIC = (
    'AdjustGamma', 'AutoContrast', 'Brightness', 'CLAHE', 'Color', 'ColorTransform', 'Contrast', 'Equalize',
    'Invert', 'PhotoMetricDistortion', 'Posterize', 'RandomGrayscale', 'RGB2Gray', 'Sharpness', 'Solarize',
    'SolarizeAdd', 'YOLOXHSVRandomAug',
)  # fmt: skip
GEOMETRIC = (
    'CenterCrop', 'MinIoURandomCrop', 'Pad', 'RandomAffine', 'RandomCenterCropPad', 'RandomCrop', 'RandomFlip',
    'RandomResize', 'RandomRotate', 'RandomShift', 'Resize', 'ResizeShortestEdge', 'Rotate', 'ShearX', 'ShearY',
    'TranslateX', 'TranslateY',
)  # fmt: skip
MIXING = ('CachedMixUp', 'CachedMosaic', 'MixUp', 'Mosaic')


def pipeline_faults(pipeline: Sequence[dict], appended: bool = False) -> list[str]:
    """What in a pipeline cannot go well with pairs, a line each with the mend; nothing where it appends no partner.

    Args:
        pipeline: of transforms, as configs write them; those inside TestTimeAug, RandomChoice and the like count too.
        appended: whether the images are pairs already (the pipeline of a wrapper around a data set of pairs).
    """
    steps = [step for step in flatten(pipeline) if isinstance(step, dict)]
    place = find_step(steps, PARTNER)
    if place is None and not appended:
        return []
    before, behind = ([], steps) if place is None else (steps[:place], steps[place + 1 :])
    faults = [
        f'{name_of_step(step)} stands before AppendPartner and moves the visible image only; put it behind'
        for step in before
        if name_of_step(step) in GEOMETRIC
    ]
    return [*faults, *filter(None, map(_fault_behind, behind))]


def flatten(pipeline: Sequence[dict]) -> Iterator[dict]:
    """The steps in their order, each followed by those that it holds."""
    for step in pipeline:
        if isinstance(step, list | tuple):
            yield from flatten(step)
            continue
        yield step
        if isinstance(step, dict) and isinstance(step.get('transforms'), list | tuple):
            yield from flatten(step['transforms'])


def _fault_behind(step: dict) -> str | None:
    name = name_of_step(step)
    if str(step['type']).startswith('mmdefusion.'):
        return 'AppendPartner stands twice; leave one out' if name == PARTNER else None
    if name in PHOTOMETRIC:
        return f'{name} stands behind AppendPartner and takes three channels; put it before AppendPartner'
    if name in MIXING:
        return f'{name} stands behind AppendPartner and takes three channels; take mmdefusion.Paired{name}'
    if name == PARTNER:
        return 'AppendPartner stands twice; leave one out'
    if name == 'Pad':
        value = step.get('pad_val', 0)
        value = value.get('img', 0) if isinstance(value, dict) else value
        if isinstance(value, list | tuple) and len(value) == 3:
            four = (*value, 0)
            return f'Pad fills three channels (pad_val {tuple(value)}) of a pair that has four; set img={four}'
    return None
