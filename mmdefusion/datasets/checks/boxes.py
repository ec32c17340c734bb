"""Checks the boxes of annotation files themselves: mmdet silently drops boxes that it cannot use."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

from mmengine.dataset import BaseDataset

from mmdefusion.inference.stems import some_names
from mmdefusion.utils.compat import installed
from mmdefusion.utils.storage import is_local

from ..annotated_sizes import beyond
from ..annotation_files import UnusableAnnotation, read_coco_file, read_xml_file, reading
from ..conversion.kaist import IGNORED
from .report import SplitReport

if installed('mmdet'):
    from mmdet.datasets import CocoDataset

    from ..detection import KAISTDataset


class RawBox(NamedTuple):
    """An annotation: its place in a file, the name of its class, its edges, and its image's size (0 if unknown)."""

    place: str
    label: str
    edges: tuple[float, float, float, float]
    width: int
    height: int


def check_boxes(report: SplitReport, dataset: BaseDataset, infos: list[dict]) -> None:
    """Counts the boxes that training would see and checks those in the files."""
    classes = class_names(dataset)
    instances = [instance for info in infos for instance in info.get('instances', ())]
    report.boxes = len(instances)
    counted = Counter(instance['bbox_label'] for instance in instances if not instance['ignore_flag'])
    report.ignored_boxes = report.boxes - counted.total()
    if not any('instances' in info for info in infos):
        return
    report.classes = {name: counted[label] for label, name in enumerate(classes)}
    labels: Counter[str] = Counter()
    try:
        for box in _raw_boxes(report, dataset, infos):
            labels[box.label] += 1
            if fault := box_fault(box):
                report.wrong_boxes.append(f'{box.place} ({box.label}) {fault}')
    except UnusableAnnotation as error:
        report.unreadable.append(str(error))
    known = {*classes, *(IGNORED if _is_kaist(dataset) else ())}
    report.left_out += [f'{name}: {count} boxes' for name, count in labels.items() if name not in known]
    if labels.total() and not report.boxes:
        report.wrong_settings.append(
            f'none of the {labels.total()} boxes is of a class of metainfo ({", ".join(classes)}), they are of'
            f'{some_names(labels)}; set metainfo=dict(classes=...)'
        )
    elif not report.boxes:
        report.wrong_boxes.append(f'there is no box in the annotations of {len(infos)} images; use ones with boxes')


def class_names(dataset: BaseDataset) -> tuple[str, ...]:
    """The names of the classes. A string, which is reported elsewhere, counts as one name."""
    classes = dataset.metainfo.get('classes') or ()
    return (classes,) if isinstance(classes, str) else tuple(classes)


def box_fault(box: RawBox) -> str | None:
    """The fault of a box and the remedy, or None if the box is valid."""
    x0, y0, x1, y1 = box.edges
    shown = f'[{x0:g}, {y0:g}, {x1:g}, {y1:g}]'
    if not all(map(math.isfinite, box.edges)):
        return f'has NaN or infinite edges {shown}; remove it'
    if x1 <= x0 or y1 <= y0:
        return f'is inverted or empty {shown}; exchange its corners or remove it'
    if not box.width or not box.height:
        return None
    if x1 <= 0 or y1 <= 0 or x0 >= box.width or y0 >= box.height:
        return f'lies outside its {box.width}x{box.height} image {shown}; is it of another image or size?'
    x, y = beyond(box.width), beyond(box.height)
    if x0 < -x or y0 < -y or x1 > box.width + x or y1 > box.height + y:
        return f'reaches far beyond its {box.width}x{box.height} image {shown}; cut it off at the border'
    return None


def _is_kaist(dataset: BaseDataset) -> bool:
    """Whether a data set takes names of classes in any case, and ignores some; all others take them as written."""
    return installed('mmdet') and isinstance(dataset, KAISTDataset)


def _raw_boxes(report: SplitReport, dataset: BaseDataset, infos: list[dict]) -> Iterator[RawBox]:
    if installed('mmdet') and isinstance(dataset, CocoDataset) and is_local(dataset.ann_file):
        yield from _of_coco(report, dataset)
    missing = set(report.missing)
    for info in infos:
        path = info.get('xml_path')
        if path and is_local(path) and path not in missing:
            with reading(path, "in VOC's format"):
                for number, one in enumerate(read_xml_file(path).iter('object'), 1):
                    label = one.find('name').text
                    label = label.strip().lower() if _is_kaist(dataset) else label
                    edges = _edges(one, first=0 if _is_kaist(dataset) else 1)
                    yield RawBox(f'{path}, object {number}', label, edges, info['width'], info['height'])


def _of_coco(report: SplitReport, dataset: 'CocoDataset') -> Iterator[RawBox]:
    content = read_coco_file(dataset.ann_file)
    _compare_categories(report, list(class_names(dataset)), list(content.categories.values()), dataset.ann_file)
    images = {image.id: image for image in content.images}
    for one in content.annotations:
        place = f'{dataset.ann_file}, annotation {one.id}'
        if one.category_id not in content.categories:
            known = ', '.join(map(str, content.categories))
            report.wrong_boxes.append(f'{place} is of category {one.category_id}, which is none of {known}')
            continue
        image, (x, y, width, height) = images[one.image_id], one.bbox
        edges = (x, y, x + width, y + height)
        yield RawBox(place, content.categories[one.category_id], edges, image.width, image.height)


def _compare_categories(report: SplitReport, classes: list[str], categories: list[str], path: str) -> None:
    """Compares the classes with the file: mmdet takes the file's order and skips absent ones, which mixes up names."""
    if absent := [name for name in classes if name not in categories]:
        report.wrong_settings.append(
            f'classes{some_names(absent)} are not among the categories of {path}{some_names(categories)}; mmdet would '
            'give their boxes other names: set metainfo=dict(classes=...)'
        )
    elif (order := [name for name in categories if name in classes]) != classes:
        report.wrong_settings.append(
            f'classes {classes} have another order in {path}, and mmdet takes the order of the file: set '
            f'metainfo=dict(classes={tuple(order)})'
        )


def _edges(one: Element, first: int) -> tuple[float, float, float, float]:
    box = one.find('bndbox')
    if box.find('x') is not None:  # KAIST's format
        x, y, width, height = (float(box.find(key).text) for key in 'xywh')
        return x, y, x + width, y + height
    return tuple(float(box.find(key).text) - first for key in ('xmin', 'ymin', 'xmax', 'ymax'))
