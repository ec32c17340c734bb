"""Loads a trained network, and finds what its file has to say of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mmengine.config import Config
from torch import nn

from mmdefusion import __version__
from mmdefusion.apis import FusionInferencer
from mmdefusion.apis.fuser_loading import read_fuser
from mmdefusion.datasets.pipelines import PARTNER, READER, find_step
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.utils.type_names import type_name
from mmdefusion.visualization import class_colours

from ..metadata import Metadata, What
from .fuser import ExportedFuser, FusedFeatures

IGNORED = ('LoadAnnotations', 'PackDetInputs', 'PackSegInputs')
# settings of a step that change its images, each with the only value that the runtime gives it
SETTINGS = {
    'Resize': dict(backend='cv2', interpolation='bilinear'),
    READER: dict(imdecode_backend='cv2', color_type='color', to_float32=False),
}


class Cut(NamedTuple):
    """Which boxes of an image a detector keeps."""

    score: float = 0.0  #: the least score
    count: float = math.inf  #: the most boxes


ALL = Cut()


@dataclass
class Loaded:
    """A network to export.

    Attributes:
        module: takes two images, and has ``outputs``, the names of what it gives.
        inferencer: runs the same network in PyTorch, with files of any size.
        metadata: of the file.
        cut: which boxes a detector keeps.
    """

    module: nn.Module
    inferencer: Any
    metadata: Metadata
    cut: Cut = ALL


def load(config: str, checkpoint: str | None, what: What = 'model') -> Loaded:
    """Loads a fuser, a detector or a segmenter with its weights.

    Args:
        config: config file; it is code: give only one that you trust.
        checkpoint: file of the weights; None takes those that come with the package, if the config is of their fuser.
        what: ``'model'``, or ``'features'`` for the maps that a head would read.

    Raises:
        OSError: if a file does not exist.
        ValueError: if the config is that of something else, or its head or test pipeline cannot be exported.
    """
    cfg = Config.fromfile(config)
    text = cfg.pretty_text
    scope, features = cfg.get('default_scope'), what == 'features'
    if scope not in ('mmdet', 'mmseg'):
        if checkpoint is None:
            refuse_other_fusers(config, cfg.get('model') or {})
        fuser = FusionInferencer(checkpoint, config, device='cpu', show_progress=False)
        module = FusedFeatures(fuser.model) if features else ExportedFuser(fuser.model)
        return Loaded(module, fuser, Metadata('fuse', what, __version__, text))
    if checkpoint is None:
        raise ValueError(f'{config} is that of a detector or segmenter: give the checkpoint of its training.')
    if cfg.get('fused_images'):
        raise ValueError(
            f'{config} is that of a model of fused images, which an exported file does not fuse by itself: set '
            'fused_images=False in the config, and give the file images that are fused (tools/fuse.py --target off).'
        )
    told = read_pipeline(cfg.test_dataloader.dataset.pipeline)
    if scope == 'mmdet':
        from mmdefusion.apis import PairedDetInferencer

        from .detectors import ExportedDetector

        inferencer = PairedDetInferencer(cfg, checkpoint, device='cpu', show_progress=False)
        module = ExportedDetector(inferencer.model, features)
        told |= dict(mask_threshold=mask_threshold(inferencer.model))
    else:
        from mmdefusion.apis import PairedSegInferencer

        from .segmenters import ExportedSegmenter

        inferencer = PairedSegInferencer(cfg, checkpoint, device='cpu', show_progress=False)
        module = ExportedSegmenter(inferencer.model, features, logits='scale' in told)
        told |= dict(logits=module.outputs == ('logits',), align_corners=bool(inferencer.model.align_corners))
    meta = inferencer.model.dataset_meta
    classes = tuple(meta['classes'])
    return Loaded(
        module.eval(),
        inferencer,
        Metadata(
            'detect' if scope == 'mmdet' else 'segment',
            what,
            __version__,
            text,
            classes=classes,
            palette=class_colours(meta.get('palette'), len(classes)),
            **told,
        ),
        find_cut(inferencer.model) if scope == 'mmdet' else ALL,
    )


def refuse_other_fusers(config: str, model: Mapping[str, Any]) -> None:
    """Raises a ValueError if a config is not that of a fuser for which weights come with the package.

    Configs of pretraining have networks of that shape too, and would be taken for what made the weights.
    """
    why = 'its model is no PictureFuser'
    if model.get('type') and type_name(model) == 'PictureFuser':
        try:
            read_fuser(read_checkpoint('tiny'), 'tiny', config)
            return
        except ValueError as error:
            why = str(error)
    raise ValueError(f'{config} is not that of the weights that come with the package ({why}): give the checkpoint.')


def find_cut(model: nn.Module) -> Cut:
    """Which boxes a detector of mmdet keeps, by the settings of its last head."""
    heads = (getattr(model, name, None) for name in ('roi_head', 'bbox_head'))
    settings = next((head.test_cfg for head in heads if getattr(head, 'test_cfg', None)), None) or {}
    most = settings.get('max_per_img', getattr(model, 'num_queries', math.inf))
    return Cut(float(settings.get('score_thr') or 0), float(most) if most > 0 else math.inf)


def mask_threshold(model: nn.Module) -> float:
    """The smallest value of a mask that belongs to an object; that of mmdet where a detector has no masks."""
    settings = getattr(getattr(model, 'roi_head', None), 'test_cfg', None) or {}
    return float(settings.get('mask_thr_binary', 0.5))


def read_pipeline(pipeline: Sequence[dict]) -> dict[str, Any]:
    """What the runtime must do of a test pipeline, as fields of :class:`Metadata`.

    Raises:
        ValueError: if a step is none that the runtime knows.
    """
    place = find_step(pipeline, PARTNER)
    if place is None:
        raise ValueError('The test pipeline has no AppendPartner: this is no model of pairs.')
    partner, found = pipeline[place], {}
    for step in [*pipeline[:place], *pipeline[place + 1 :]]:
        if strange := strange_step(step, resized='scale' in found):
            raise ValueError(
                f'The test pipeline has {strange}, which the runtime does not know: it reads by OpenCV, resizes once '
                '(scale=..., bilinear) and normalises pairs. Take it out of the config.'
            )
        if type_name(step) == 'Resize':
            scale = step['scale']
            found = dict(
                scale=(scale, scale) if isinstance(scale, int) else tuple(scale),
                keep_ratio=bool(step.get('keep_ratio')),
            )
    return dict(
        found,
        infrared_channels=partner.get('channels', 1),
        percentiles=tuple(partner.get('percentiles', (1.0, 99.0))),
        thermal_range=tuple(partner['fixed_range']) if partner.get('fixed_range') else None,
    )


def strange_step(step: Mapping[str, Any], resized: bool) -> str:
    """What of a step of a test pipeline the runtime does not do, as it is written in a config; '' if it does all.

    Args:
        step: the config of the step.
        resized: whether a step before has resized the pair.
    """
    name = type_name(step)
    if name not in (*SETTINGS, *IGNORED):
        return name
    if other := [
        f'{key}={step[key]!r}' for key, value in SETTINGS.get(name, {}).items() if step.get(key, value) != value
    ]:
        return f'{name}({", ".join(other)})'
    if name != 'Resize':
        return ''
    return 'a second Resize' if resized else '' if step.get('scale') else 'Resize without scale'
