"""Finds in a config the pipelines that would drop the infrared image, move only one image, or fail on pairs."""

from collections.abc import Iterator, Sequence

from mmdefusion.utils.type_names import type_name

from . import albu_faults
from .albu_faults import ALBU
from .pipelines import PARTNER, find_step

# of mmcv, mmdet and mmseg; they take three channels, and OpenCV silently drops a fourth
PHOTOMETRIC = (
    'AdjustGamma', 'AutoContrast', 'Brightness', 'CLAHE', 'Color', 'ColorTransform', 'Contrast', 'Equalize',
    'Invert', 'PhotoMetricDistortion', 'Posterize', 'RandomGrayscale', 'RGB2Gray', 'Sharpness', 'Solarize',
    'SolarizeAdd', 'YOLOXHSVRandomAug',
)  # fmt: skip
THREE_ONLY = ('InstaBoost', 'ShearX', 'ShearY', 'TranslateX', 'TranslateY')  # and they move what they see
GEOMETRIC = (
    'CenterCrop', 'Expand', 'FixScaleResize', 'FixShapeResize', 'MinIoURandomCrop', 'Pad', 'RandomAffine',
    'RandomCenterCropPad', 'RandomChoiceResize', 'RandomCrop', 'RandomFlip', 'RandomFlip_GLIP', 'RandomResize',
    'RandomRotate', 'RandomRotFlip', 'RandomShift', 'Resize', 'ResizeShortestEdge', 'ResizeToMultiple', 'Rotate',
    *THREE_ONLY,
)  # fmt: skip
# what they fill with; black in three channels unless they are told
FILLING = {'CutOut': 'fill_in', 'Expand': 'mean', 'RandomCenterCropPad': 'mean', 'RandomCutOut': 'fill_in'}
TURNING = {'RandomRotate': ('pad_val', 0), 'Rotate': ('img_border_value', 128)}  # what fills corners, in three channels
POLICIES = {'AutoAugment': 'policies', 'RandAugment': 'aug_space'}  # of these two, whose own are for three channels
# what erases parts of images, and the key of what it makes of their labels; objects that are gone lose theirs
ERASING = {'RandomErasing': None, 'RandomCutOut': 'seg_fill_in', 'CutOut': 'seg_fill_in'}
MIXES = ('CachedMixUp', 'CachedMosaic', 'MixUp', 'Mosaic')
FOR_PAIRS = (*MIXES, 'RandomAffine')  # of which we have our own
MIXING = (*MIXES, 'CopyPaste', 'RandomMosaic')
INNER = ('transforms', *POLICIES.values())  # keys of steps inside others
BRANCHES = 'MultiBranch'  # of mmdet, for semi-supervised training: several pipelines behind one
PLACE = 'AppendPlace'
DISTURBING = ('CorruptPair', 'DropModality', 'ShiftPartner')  # of ours, for tests of robustness and for training


def pipeline_faults(pipeline: Sequence[dict], appended: bool = False) -> list[str]:
    """Lists what in a pipeline does not work with pairs, one line per fault with the remedy.

    Args:
        pipeline: configs of transforms; those inside TestTimeAug, RandomChoice, AutoAugment and the like are checked
            too.
        appended: whether the images are pairs already, as in the pipeline of a wrapper around a data set of pairs.

    Returns:
        The faults; none if the pipeline appends no partner.
    """
    ways = [*_ways(pipeline)]
    faults = [fault for way in ways for fault in _faults_of(way, appended)]
    if not appended and len({*map(appends_partner, ways)}) > 1:
        faults.append(
            f'a branch of {BRANCHES} has no AppendPartner, as another one has; put it into all or before them'
        )
    return [*dict.fromkeys(faults)]


def appends_partner(pipeline: Sequence[dict]) -> bool:
    """Whether a pipeline has an AppendPartner, also inside another step."""
    return find_step([step for step in flatten(pipeline) if isinstance(step, dict)], PARTNER) is not None


def _ways(pipeline: Sequence[dict]) -> Iterator[Sequence[dict]]:
    """The ways of an image through a pipeline: one for each branch of a MultiBranch."""
    for place, step in enumerate(pipeline):
        if branches := _branches(step):
            for branch in branches:
                yield from _ways([*pipeline[:place], *branch, *pipeline[place + 1 :]])
            return
    yield pipeline


def _branches(step: dict) -> list[Sequence[dict]]:
    """The pipelines of a MultiBranch; none of another step."""
    if not isinstance(step, dict) or type_name(step) != BRANCHES:
        return []
    found = [value for key, value in step.items() if key not in ('type', 'branch_field', '_scope_')]
    return [[one] if isinstance(one, dict) else one for one in found]


def _faults_of(pipeline: Sequence[dict], appended: bool) -> list[str]:
    """The faults of a pipeline without branches."""
    steps = [step for step in flatten(pipeline) if isinstance(step, dict)]
    place = find_step(steps, PARTNER)
    if place is None and not appended:
        return []
    before, behind = ([], steps) if place is None else (steps[:place], steps[place + 1 :])
    if find_step(before, PLACE) is not None:
        return ['AppendPlace stands before AppendPartner, whose pair it places; put it after']
    faults = [*filter(None, map(_fault_before, before))]
    faults += [
        f'{name} has {POLICIES[name]} of its own, which take three channels and move images; give it others, or leave '
        'it out'
        for step in steps
        if (name := type_name(step)) in POLICIES and not step.get(POLICIES[name])
    ]
    channels = 4 if place is None else 3 + steps[place].get('channels', 1)
    found = (_fault_behind(step, channels) for step in behind)
    return [*faults, *filter(None, found), *_faults_of_place(behind, appended)]


def flatten(pipeline: Sequence[dict]) -> Iterator[dict]:
    """Yields the steps in order, each followed by the steps that it contains; those of Albu have names of their own."""
    for step in pipeline:
        if isinstance(step, list | tuple):
            yield from flatten(step)
            continue
        yield step
        yield from flatten(_branches(step))
        for key in INNER if isinstance(step, dict) and type_name(step) != ALBU else ():
            inner = step.get(key)
            if isinstance(inner, list | tuple | dict):
                yield from flatten([inner] if isinstance(inner, dict) else inner)


def _fault_before(step: dict) -> str | None:
    name = type_name(step)
    if name == ALBU:
        return albu_faults.fault_before(step)
    if name in ERASING and (ERASING[name] is None or step.get(ERASING[name]) is not None):
        return (
            f'{name} stands before AppendPartner and erases objects with their labels, which the infrared image still '
            'shows; put it after'
        )
    if name.removeprefix('Paired') not in (*GEOMETRIC, *MIXING):
        return None
    remedy = 'put it after'
    if name in THREE_ONLY:
        remedy = 'leave it out, as it takes three channels and not those of a pair'
    elif name in FOR_PAIRS:
        remedy = f'use mmdefusion.Paired{name} after it'
    does = 'mixes' if name.removeprefix('Paired') in MIXING else 'moves'
    return f'{name} stands before AppendPartner and {does} the visible image only; {remedy}'


def _fault_behind(step: dict, channels: int) -> str | None:
    name = type_name(step)
    if str(step['type']).startswith('mmdefusion.'):
        return 'AppendPartner stands twice; leave one out' if name == PARTNER else None
    if name == ALBU:
        return albu_faults.fault_behind(step)
    if name in PHOTOMETRIC:
        return f'{name} stands after AppendPartner and takes three channels; put it before AppendPartner'
    if name in THREE_ONLY:
        return f'{name} stands after AppendPartner and takes three channels; leave it out'
    if step.get('backend') == 'pillow':
        return f"{name} stands after AppendPartner with backend='pillow', which takes no pairs; set backend='cv2'"
    if name in FILLING:
        return _fault_of_filling(step, name, channels)
    if name == 'RandomErasing':
        return _fault_of_erasing(step, channels)
    if name in TURNING:
        key, usual = TURNING[name]
        value = step.get(key, usual)
        filled = value if isinstance(value, list | tuple) else [value]
        bad = any(filled) and len(filled) != channels
        return f'{name} fills corners of some channels only ({key}={value}); set {key}=0' if bad else None
    if name in FOR_PAIRS:
        return f'{name} stands after AppendPartner and takes three channels; use mmdefusion.Paired{name}'
    if name == PARTNER:
        return 'AppendPartner stands twice; leave one out'
    if name == 'Pad' or (name == 'FixShapeResize' and step.get('keep_ratio')):
        return _fault_of_padding(step, name, channels)
    return None


def _fault_of_padding(step: dict, name: str, channels: int) -> str | None:
    if channels > 4:
        return (
            f'{name} pads four channels at most (OpenCV) and a pair here has {channels}; leave padding to the data '
            'preprocessor (pad_size_divisor), or set channels=1 of AppendPartner'
        )
    value = step.get('pad_val', 0)
    value = value.get('img', 0) if isinstance(value, dict) else value
    if isinstance(value, list | tuple) and len(value) == 3:
        return f'{name} fills three channels (pad_val {tuple(value)}) of a pair that has 4; set img={(*value, 0)}'
    return None


def _fault_of_erasing(step: dict, channels: int) -> str | None:
    values = step.get('img_border_value', 128)
    if not isinstance(values, list | tuple) or len(values) in (1, channels):
        return None
    wanted = (*values[:3], *[0] * (channels - 3))
    return (
        f'RandomErasing fills {len(values)} channels of a pair that has {channels}; set img_border_value={wanted}, or '
        'one number'
    )


def _fault_of_filling(step: dict, name: str, channels: int) -> str | None:
    key = FILLING[name]
    values = step.get(key, (0, 0, 0))
    if not isinstance(values, list | tuple) or len(values) not in (3, channels):
        return None
    turns = key == 'mean' and step.get('to_rgb', True)  # means are those of RGB then, and turned around
    wanted = (*(values[2::-1] if turns else values[:3]), *(values[3:] or [0] * (channels - 3)))
    remedy = f'set {key}={wanted}' + (', to_rgb=False' if turns else '')
    if len(values) == 3:
        return f'{name} fills three channels of a pair that has {channels}; {remedy}'
    if turns and list(values) != list(values[::-1]):
        return f'{name} turns {key}={tuple(values)} around, so that an infrared value fills the blue channel; {remedy}'
    return None


def _faults_of_place(behind: Sequence[dict], appended: bool) -> list[str]:
    """What stands wrong around AppendPlace, of the steps behind AppendPartner."""
    place = find_step(behind, PLACE)
    if place is None:
        return []
    if appended:
        return ['AppendPlace stands in the pipeline of a wrapper, whose images may be mixed; put it into the inner one']
    faults = []
    for index, step in enumerate(behind):
        name = type_name(step)
        mixing = name.removeprefix('Paired') in MIXING
        moving = name in GEOMETRIC or (name == ALBU and bool(albu_faults.moving_names(step)))
        if name in DISTURBING:
            faults.append(
                f'{name} stands beside AppendPlace, and kept tokens would not know of it; leave one of them out'
            )
        elif name == 'PairedRandomAffine':
            faults.append(f'{name} stands beside AppendPlace, and moves no channels but those of a pair; leave one out')
        elif index < place and (moving or mixing):
            faults.append(f'{name} stands between AppendPartner and AppendPlace, which would not know of it; swap them')
        elif mixing:
            faults.append(f'{name} stands after AppendPlace, and a mix lies in no whole image; leave one of them out')
        elif name == ALBU and index > place and not moving:
            faults.append(
                'Albu stands after AppendPlace, whose channels it would change too; put it before AppendPlace'
            )
        elif name in ERASING and index > place:
            faults.append(
                f'{name} stands after AppendPlace, whose channels it would fill too; put it before AppendPlace'
            )
        elif name == 'Pad':
            faults.append('Pad stands after AppendPlace, and OpenCV fills at most four channels; leave one of them out')
        elif name == PLACE and index > place:
            faults.append('AppendPlace stands twice; leave one out')
    return faults
