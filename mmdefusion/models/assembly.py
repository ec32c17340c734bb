"""Checks when a model is built whether its other parts fit those of this package.

The toolboxes join a preprocessor, a backbone, a neck and heads without a check: parts that do not fit end in a bare
assertion in the first forward pass. A registration hook of torch is called for every module that becomes part of
another one, so the parts are compared while they are joined, in stock tools and with any config.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from .backbones import DeFusionEncoder, EarlyFusion, OneModality, SpatialPrior, TwoStreams
from .defusion_pp import DeFusionPP
from .necks import DecompositionNeck

TOOLBOXES = ('mmdet', 'mmseg', 'mmpretrain')
# that of a semantic branch reads another map
ROI_EXTRACTORS = ('bbox_roi_extractor', 'mask_roi_extractor', 'grid_roi_extractor')
BACKBONES = (DeFusionEncoder, DeFusionPP, EarlyFusion, OneModality, SpatialPrior, TwoStreams)
NECK = (
    "neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims={0}), dict(type='mmdefusion.SimpleFeaturePyramid', "
    'embed_dims={0}, out_channels=256), ...]'
)


def check_part(model: nn.Module, name: str, part: nn.Module | None) -> None:
    """Compares a part that is put into a model with the parts that are in it already.

    Args:
        model: the model.
        name: name of the slot: ``backbone``, ``neck`` or a head; other slots are not checked.
        part: the new part.

    Raises:
        ValueError: if it does not work with the other parts; the message gives a setting that does.
    """
    if name == 'backbone' and isinstance(part, BACKBONES):
        _check_preprocessor(model._modules.get('data_preprocessor'), part)
    elif name == 'neck' or name.endswith('head'):
        backbone, neck = model._modules.get('backbone'), model._modules.get('neck')
        if neck is None and isinstance(backbone, DeFusionEncoder):
            _check_neck(backbone, name, part)
        elif neck is None and isinstance(backbone, DeFusionPP | SpatialPrior):
            _check_widths(backbone, name, part)
        if name in ('bbox_head', 'rpn_head', 'roi_head'):  # points of a mask head are of another map
            _check_strides(backbone, neck, name, part)


def _check_preprocessor(preprocessor: nn.Module | None, backbone: nn.Module) -> None:
    mean = getattr(preprocessor, 'mean', None)
    if _is_stock(preprocessor) and mean is not None and mean.numel() < 4:
        kind = 'Seg' if type(preprocessor).__module__.startswith('mmseg') else 'Det'
        raise ValueError(
            f'{type(preprocessor).__name__} normalises {mean.numel()} channels, but {type(backbone).__name__} reads '
            f"pairs: set data_preprocessor=dict(_delete_=True, type='mmdefusion.Paired{kind}DataPreprocessor')."
        )


def _check_neck(encoder: DeFusionEncoder, name: str, part: nn.Module | None) -> None:
    before: nn.Module = encoder
    for step in part if isinstance(part, nn.Sequential) else [part]:
        if _is_stock(step) and (before is encoder or isinstance(before, DecompositionNeck)):
            raise ValueError(
                f'{type(step).__name__} ({name}) reads maps, but {type(before).__name__} gives tokens of both images: '
                f'set {NECK.format(encoder.embed_dims)}.'
            )
        before = step


def _check_widths(backbone: DeFusionPP | SpatialPrior, name: str, part: nn.Module | None) -> None:
    expected = getattr(part, 'in_channels', None)
    if not _is_stock(part) or expected is None:
        return
    levels = len(backbone.strides)
    given = [backbone.out_channels] * levels
    if name == 'neck' and isinstance(expected, Sequence):
        fits, wanted = list(expected) == given, given
    else:  # a head, which may choose among levels
        index = getattr(part, 'in_index', 0)
        chosen = [index] if isinstance(index, int) else list(index)
        widths = list(expected) if isinstance(expected, Sequence) else [expected]
        wanted = given[: len(widths)] if isinstance(expected, Sequence) else backbone.out_channels
        if getattr(part, 'input_transform', None) == 'resize_concat':  # such a head says the sum of what it was given
            wanted = [backbone.out_channels] * len(chosen)
            widths = wanted if expected == sum(wanted) else widths
        fits = all(-levels <= place < levels for place in chosen) and set(widths) == {backbone.out_channels}
    if not fits:
        raise ValueError(
            f'{type(part).__name__} ({name}) has in_channels={expected}, but {type(backbone).__name__} gives {levels} '
            f'maps of {backbone.out_channels} channels: set {name}=dict(in_channels={wanted}).'
        )


def _check_strides(backbone: nn.Module | None, neck: nn.Module | None, name: str, part: nn.Module | None) -> None:
    """Anchors or regions of other strides than the maps would silently lie beside the objects."""
    finest = _finest_stride(backbone, neck)
    if finest is None or not _is_stock(part):
        return
    for reader, setting, strides in _strides_read(part):
        if min(min(stride) if isinstance(stride, Sequence) else stride for stride in strides) != finest:
            raise ValueError(
                f'{type(part).__name__} ({name}) has {type(reader).__name__}({setting}={list(strides)}), but its '
                f'finest map is of stride {finest}: set start_level of the neck (0 where the backbone gives what the '
                f'head reads), the strides of the pyramid, or those of {name}.'
            )


def _strides_read(part: nn.Module) -> Iterator[tuple[Any, str, Sequence]]:
    """What places anchors or cuts regions out of maps, with the name and the value of its strides."""
    priors = getattr(part, 'prior_generator', None)
    if hasattr(priors, 'strides'):
        yield priors, 'strides', priors.strides
    for name in ROI_EXTRACTORS:
        extractor = getattr(part, name, None)
        for one in extractor if isinstance(extractor, nn.ModuleList) else [extractor]:  # one for each stage
            if hasattr(one, 'featmap_strides') and _is_stock(one):
                yield one, 'featmap_strides', one.featmap_strides


def _finest_stride(backbone: nn.Module | None, neck: nn.Module | None) -> int | None:
    """The stride of the finest map that a head reads; None where it is unknown."""
    strides = backbone.strides if isinstance(backbone, DeFusionPP | SpatialPrior) else None
    for step in neck if isinstance(neck, nn.Sequential) else [neck]:
        if hasattr(step, 'level_strides'):
            strides = step.level_strides
        elif strides is not None and step is not None:
            if not _is_stock(step) or not isinstance(getattr(step, 'in_channels', None), Sequence):
                return None  # it may read one map only
            strides = strides[getattr(step, 'start_level', 0) :]
    return strides[0] if strides else None


def _is_stock(part: nn.Module | None) -> bool:
    """Whether a part is a class of a toolbox; what other classes read is unknown."""
    return type(part).__module__.split('.')[0] in TOOLBOXES


register_module_module_registration_hook(check_part)
