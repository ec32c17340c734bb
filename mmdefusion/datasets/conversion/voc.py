"""Pascal VOC format: an XML file for each image. Its pixels count from 1, as in mmdet's XMLDataset; ours from 0."""

import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from pathlib import Path

from mmdefusion.utils.files import write_text
from mmdefusion.utils.progress import track

from ..annotated_sizes import OtherSize, find_resized, tell_sizes
from ..annotation_files import read_xml_file, reading, told_size
from .boxes import AnnotatedImage, Box, list_files, size_of
from .writing import check_targets


def read_voc(annotations: Path, images: Path) -> list[AnnotatedImage]:
    """Reads a folder of XML files that are named like the images; images without a file are not ``labelled``.

    Difficult objects become ignored boxes.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if there are no images, or a file is not XML or not in VOC's format.
    """
    return read_xml(annotations, images, _read_box, "in VOC's format")


def write_voc(images: Sequence[AnnotatedImage], classes: Sequence[str], out: Path) -> None:
    """Writes an XML file for each image into the folder ``out``.

    Raises:
        ValueError: before anything is written, see :func:`.writing.check_targets`.
    """
    paths = check_targets(images, classes, out, '.xml')
    for path, image in track(zip(paths, images, strict=True), 'writing', len(images)):
        root = ElementTree.Element('annotation')
        ElementTree.SubElement(root, 'filename').text = image.name
        size = ElementTree.SubElement(root, 'size')
        for key, value in (('width', image.width), ('height', image.height), ('depth', 3)):
            ElementTree.SubElement(size, key).text = str(value)
        for box in image.boxes:
            one = ElementTree.SubElement(root, 'object')
            ElementTree.SubElement(one, 'name').text = box.label
            ElementTree.SubElement(one, 'difficult').text = str(int(box.ignore))
            edges = ElementTree.SubElement(one, 'bndbox')
            for key, value in (('xmin', box.x0), ('ymin', box.y0), ('xmax', box.x1), ('ymax', box.y1)):
                ElementTree.SubElement(edges, key).text = f'{value + 1:g}'
        ElementTree.indent(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, ElementTree.tostring(root, encoding='unicode'), wait=False)


def read_xml(
    annotations: Path, images: Path, read_box: Callable[[ElementTree.Element], Box | None], form: str
) -> list[AnnotatedImage]:
    """Reads a folder of XML files with elements ``object``.

    Warns of images of another size than their annotations say, and takes the boxes as they are.

    Args:
        annotations: the folder of XML files.
        images: the folder of images, which have the same names.
        read_box: turns an object into a box, or into None if it is to be left out.
        form: what a file should be, for messages, such as ``"in VOC's format"``.
    """
    found, others = [], []
    for stem, name in track(list_files(images).items(), 'reading'):
        path, boxes, left_out = Path(annotations) / f'{stem}.xml', (), 0
        size = size_of(Path(images) / name)
        if labelled := path.is_file():
            with reading(path, form):
                root = read_xml_file(path)
                objects = [read_box(one) for one in root.iter('object')]
            boxes, left_out = tuple(filter(None, objects)), objects.count(None)
            if (told := told_size(root)) and told != size:
                edges = [(box.x0, box.y0, box.x1, box.y1) for box in boxes]
                others.append(OtherSize(str(Path(images) / name), size, told, edges))
        found.append(AnnotatedImage(name, *size, boxes, labelled, left_out))
    if others:
        _warn(others, sum(image.labelled for image in found))
    return found


def _warn(others: Sequence[OtherSize], count: int) -> None:
    line = f'{tell_sizes(others, count)}; their boxes are taken as they are'
    if resized := find_resized(others, count):
        line += f', which are of the size in the annotation for {resized.path}: give the images that were annotated'
    warnings.warn(f'{line} (docs/datasets.md).', stacklevel=4)


def _read_box(one: ElementTree.Element) -> Box:
    edges = [float(one.find('bndbox').find(key).text) - 1 for key in ('xmin', 'ymin', 'xmax', 'ymax')]
    return Box(one.find('name').text.strip(), *edges, one.findtext('difficult', '0').strip() == '1')
