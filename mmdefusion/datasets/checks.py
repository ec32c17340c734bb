"""Looks over the data sets of a config: what is there, what is missing, what is broken."""

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from mmengine import fileio
from mmengine.config import Config, ConfigDict
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, DefaultScope
from tqdm import tqdm

from mmdefusion.utils.compat import installed
from mmdefusion.utils.image_headers import Header, UnusableImage, read_header
from mmdefusion.utils.image_io import decode_image

from .pairing import absent_files
from .pipelines import PARTNER, find_step
from .transforms import AppendPartner

if installed('mmseg'):
    from mmseg.datasets import BaseSegDataset
    from mmseg.datasets.transforms import LoadAnnotations

SPLITS = ('train', 'val', 'test')


@dataclass
class SplitReport:
    """What :func:`check_dataset` found in one data set.

    Lists hold one line per trouble, beginning with the path. ``classes`` counts boxes, or pixels of label maps. Sizes
    are (width, height) of the visible images.
    """

    split: str
    dataset: str
    images: int = 0
    partners: int = 0
    boxes: int = 0
    ignored_boxes: int = 0
    label_maps: int = 0
    deep_partners: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    sizes: Counter = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    made_up: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)
    resized: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    wrong_labels: list[str] = field(default_factory=list)
    error: str | None = None

    @property
    def troubles(self) -> dict[str, list[str]]:
        """What would stop a training run or spoil it, by kind."""
        kinds = {
            'cannot be loaded': [] if self.error is None else [self.error],
            'missing': self.missing,
            'unreadable': self.unreadable,
            'of another size': self.mismatched,
            'wrong labels': self.wrong_labels,
        }
        return {kind: lines for kind, lines in kinds.items() if lines}


def check_config(cfg: Config, splits: Sequence[str] = SPLITS, pixels: bool = False) -> list[SplitReport]:
    """Checks the data sets of a config's loaders, those inside wrappers one by one, equal ones once.

    Args:
        cfg: Any config with ``{split}_dataloader``.
        splits: Of 'train', 'val', 'test'; those that the config lacks are passed over.
        pixels: Decode every image too; otherwise only label maps are, and of images the headers are read.

    Raises:
        ValueError: The config has none of ``splits``.
    """
    found: list[tuple[str, ConfigDict]] = []
    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        for dataset in _unwrap(loader['dataset']) if loader else ():
            same = next((i for i, (_, other) in enumerate(found) if other == dataset), None)
            if same is None:
                found.append((split, dataset))
            elif split not in found[same][0].split('+'):
                found[same] = (f'{found[same][0]}+{split}', dataset)
    if not found:
        loaders = ', '.join(f'{split}_dataloader' for split in splits)
        raise ValueError(f'{cfg.filename} has no data set to check; give it one of {loaders}')
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        return [check_dataset(dataset, split, pixels) for split, dataset in found]


def _unwrap(dataset: ConfigDict) -> Iterator[ConfigDict]:
    """The data sets inside RepeatDataset, ConcatDataset and other wrappers, by their common keys."""
    if 'datasets' in dataset:
        for inner in dataset['datasets']:
            yield from _unwrap(inner)
    elif 'dataset' in dataset:
        yield from _unwrap(dataset['dataset'])
    else:
        yield dataset


def check_dataset(cfg: ConfigDict, split: str = '', pixels: bool = False) -> SplitReport:
    """Builds one data set leniently and looks over its files.

    Without ``pixels`` only the headers of images are read. Images that ``filter_cfg`` would drop are looked at too.
    """
    kind = cfg['type'] if isinstance(cfg['type'], str) else cfg['type'].__name__
    report = SplitReport(split, kind.rsplit('.', 1)[-1])
    append = _append_partner(cfg.get('pipeline', ()))
    try:
        dataset = _build(cfg)
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        report.images = len(infos)
        _find_files(report, dataset, infos, append)
    except (FileNotFoundError, ValueError, AssertionError) as error:  # mmseg asserts that its ann_file exists
        report.error = str(error)
        return report
    _count_boxes(report, dataset, infos)
    absent, sound = set(report.missing) | set(report.made_up), set()
    for info in tqdm(infos, desc=f'{split} images', disable=None if pixels else True):
        readable = _check_headers(report, info, append or AppendPartner(), absent)
        if pixels:
            _decode(report, info, append or AppendPartner(), readable)
        sound |= readable
    if installed('mmseg') and isinstance(dataset, BaseSegDataset):
        _count_pixels(report, dataset, [info for info in infos if info.get('seg_map_path') in sound])
    return report


def _append_partner(pipeline: Sequence[dict]) -> AppendPartner | None:
    place = find_step(pipeline, PARTNER)
    if place is None:
        return None
    return AppendPartner(**{key: value for key, value in pipeline[place].items() if key != 'type'})


def _build(cfg: ConfigDict) -> BaseDataset:
    cfg = copy.deepcopy(cfg)
    cfg.pop('filter_cfg', None)
    cfg.update(pipeline=[], lazy_init=True, serialize_data=False)
    dataset = DATASETS.build(cfg)
    dataset.strict = False  # PairedDatasetMixin's; other data sets do not look at it
    dataset.full_init()
    return dataset


def _find_files(report: SplitReport, dataset: BaseDataset, infos: list[dict], append: AppendPartner | None) -> None:
    """Notes each partner's path in its ``data_info``, and the files that are not there in the report."""
    backend_args = getattr(dataset, 'backend_args', None)
    needed = [info[key] for info in infos for key in ('img_path', 'xml_path', 'seg_map_path') if info.get(key)]
    report.missing += absent_files(needed, backend_args)
    paired = [info for info in infos if append or info.get('img_ir_path')]
    if append:
        for info in paired:
            info['img_ir_path'] = append.find(info)
    absent = absent_files(
        [info['img_ir_path'] for info in paired if info['img_ir_path'] != info['img_path']], backend_args
    )
    stands_in = append is not None and append.missing != 'error' and getattr(dataset, 'allow_missing_partner', True)
    (report.made_up if stands_in else report.missing).extend(absent)
    not_there = set(absent) | set(report.missing)
    report.partners = sum(info['img_ir_path'] not in not_there for info in paired)
    maps = [info['seg_map_path'] for info in infos if info.get('seg_map_path')]
    report.label_maps = sum(path not in not_there for path in maps)


def _count_boxes(report: SplitReport, dataset: BaseDataset, infos: list[dict]) -> None:
    classes = dataset.metainfo.get('classes') or ()
    instances = [instance for info in infos for instance in info.get('instances', ())]
    report.boxes = len(instances)
    counted = Counter(instance['bbox_label'] for instance in instances if not instance['ignore_flag'])
    report.ignored_boxes = report.boxes - counted.total()
    if any('instances' in info for info in infos):
        report.classes = {name: counted[label] for label, name in enumerate(classes)}


def _check_headers(report: SplitReport, info: dict, append: AppendPartner, absent: set[str]) -> set[str]:
    """Compares the sizes of the images of one sample; the paths of those that have a sound header."""
    headers: dict[str, Header] = {}
    img_path, img_ir_path, seg_map_path = (info.get(key) for key in ('img_path', 'img_ir_path', 'seg_map_path'))
    for path in {img_path, img_ir_path, seg_map_path} - absent - {None}:
        try:
            headers[path] = read_header(path, append.backend_args)
        except (OSError, UnusableImage) as error:
            report.unreadable.append(str(error))
    report.deep_partners += img_ir_path in headers and headers[img_ir_path].deep
    if img_path not in headers:
        return set(headers)
    visible = headers[img_path]
    size = (visible.width, visible.height)
    report.sizes[size] += 1
    if info.get('width') and (info['width'], info['height']) != size:
        report.mismatched.append(f'{img_path} is {_by(size)}, its annotation says {info["width"]}x{info["height"]}')
    for path, header in headers.items():
        if (header.width, header.height) != size:
            resized = path == img_ir_path and append.size_mismatch == 'resize'
            line = f'{path} is {_by((header.width, header.height))}, {img_path} is {_by(size)}'
            (report.resized if resized else report.mismatched).append(line)
    if img_ir_path == img_path and visible.channels != 4:
        report.unreadable.append(f'{img_path} has {visible.channels} channel(s), so no infrared one in it')
        return set()
    return set(headers)


def _decode(report: SplitReport, info: dict, append: AppendPartner, readable: set[str]) -> None:
    """Decodes both images of one pair, those that are ``readable``."""
    img_path, img_ir_path = info['img_path'], info.get('img_ir_path')
    try:
        if img_path in readable:
            decode_image(fileio.get(img_path, backend_args=append.backend_args), img_path)
        if img_ir_path in readable:
            append.read(img_ir_path, img_path)
    except (ValueError, OSError) as error:
        report.unreadable.append(str(error))


def _count_pixels(report: SplitReport, dataset: 'BaseSegDataset', infos: list[dict]) -> None:
    """Counts the pixels of each class as training would see them."""
    load = LoadAnnotations(backend_args=dataset.backend_args)
    classes = dataset.metainfo['classes']
    total = np.zeros(256, np.int64)
    for info in tqdm(infos, desc=f'{report.split} label maps', disable=None):
        path = info['seg_map_path']
        try:
            labels = load(info)['gt_seg_map']
        except (OSError, SyntaxError) as error:
            report.unreadable.append(f'{path}: {error}')
            continue
        if labels.ndim != 2:
            report.wrong_labels.append(f'{path}: has shape {labels.shape}, a picture of the labels instead of labels')
            continue
        counts = np.bincount(labels.ravel(), minlength=256)
        outside = [v for v in np.flatnonzero(counts) if v >= len(classes) and v != dataset.ignore_index]
        if outside:
            report.wrong_labels.append(
                f'{path}: values {", ".join(map(str, outside))} are outside the {len(classes)} classes '
                f'(with reduce_zero_label={dataset.reduce_zero_label})'
            )
        total += counts
    report.classes = {name: int(total[label]) for label, name in enumerate(classes)}


def _by(size: tuple[int, int]) -> str:
    return f'{size[0]}x{size[1]}'
