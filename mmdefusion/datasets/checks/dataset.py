"""Checks one data set."""

import copy

from mmengine.config import ConfigDict
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS

from mmdefusion.utils.progress import track
from mmdefusion.utils.type_names import type_name

from ..pairing import PairedDatasetMixin
from ..pipeline_faults import appends_partner, pipeline_faults
from ..transforms import AppendPartner
from ..transforms.append_partner import append_partner_of
from .boxes import check_boxes
from .files import check_headers, decode, find_files
from .label_maps import count_pixels, find_unlisted, has_label_maps
from .report import SplitReport
from .sensors import sensor_guesses


def check_dataset(cfg: ConfigDict, split: str = '', pixels: bool = False) -> SplitReport:
    """Builds one data set without its own checks, then checks its settings and files and collects all faults.

    Images that ``filter_cfg`` would drop are checked too.

    Args:
        cfg: config of the data set.
        split: name for the report.
        pixels: whether to decode every image; otherwise only headers are read, and a few pairs are decoded.
    """
    report = SplitReport(split, type_name(cfg))
    try:
        append = append_partner_of(cfg.get('pipeline') or ())
        dataset = _build(cfg)
        report.wrong_settings += _setting_faults(cfg, dataset)
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        report.images = len(infos)
        find_files(report, dataset, infos, append)
    except Exception as error:  # toolboxes assert, and malformed files raise anything
        expected = isinstance(error, FileNotFoundError | ValueError | AssertionError) and str(error)
        report.error = str(error) if expected else f'{type(error).__name__}: {error}'
        return report
    check_boxes(report, dataset, infos)
    absent, sound = set(report.missing) | set(report.made_up), set()
    reader = append or AppendPartner()
    for info in track(infos, f'{split} images', show=pixels):
        readable = check_headers(report, info, reader, absent)
        if pixels:
            decode(report, info, reader, readable)
        sound |= readable
    pairs = [(info['img_path'], info.get('img_ir_path')) for info in infos]
    pairs = [pair for pair in pairs if set(pair) <= sound and pair[0] != pair[1]]
    if pairs and reader.channels == 1:
        report.guesses += sensor_guesses(pairs, reader.backend_args)
    if has_label_maps(dataset):
        find_unlisted(report, dataset)
        count_pixels(report, dataset, [info for info in infos if info.get('seg_map_path') in sound])
    return report


def _build(cfg: ConfigDict) -> BaseDataset:
    cfg = copy.deepcopy(cfg)
    cfg.pop('filter_cfg', None)
    cfg.update(pipeline=[], lazy_init=True, serialize_data=False)
    dataset = DATASETS.build(cfg)
    dataset.strict = False  # read by PairedDatasetMixin, ignored by other data sets
    dataset.full_init()
    return dataset


def _setting_faults(cfg: ConfigDict, dataset: BaseDataset) -> list[str]:
    """Settings in the config of a data set that cannot be intended."""
    pipeline = cfg.get('pipeline') or ()
    faults = pipeline_faults(pipeline)
    if isinstance(dataset, PairedDatasetMixin) and pipeline and not appends_partner(pipeline):
        faults.append(
            f'the pipeline of {type(dataset).__name__} has no AppendPartner, so no infrared image is read; put '
            "dict(type='mmdefusion.AppendPartner') after LoadImageFromFile and the photometric transforms"
        )
    classes = dataset.metainfo.get('classes')
    if isinstance(classes, str):
        faults.append(
            f'classes={classes!r} is a string, so each of its letters is a class; write a tuple, ({classes!r},)'
        )
    return faults
