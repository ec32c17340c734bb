"""DroneVehicle: XML files with oriented boxes, made horizontal."""

from pathlib import Path
from xml.etree.ElementTree import Element

from .boxes import AnnotatedImage, Box, around
from .voc import read_xml

MISSPELT = {'feright car': 'freight car', 'feright_car': 'freight car', 'feright': 'freight car', 'truvk': 'truck'}
DROPPED = ('*',)  # labels that name nothing


def read_dronevehicle(annotations: Path, images: Path) -> list[AnnotatedImage]:
    """Reads a folder of XML files with polygons or boxes, named as the images.

    The published images have a white border of 100 pixels, and annotations count from its corner: convert either with
    the border or, of cropped images, crop the boxes too.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if there are no images, a file is no XML or lacks what the format demands.
    """
    return read_xml(annotations, images, _read_box)


def _read_box(one: Element) -> Box | None:
    label = one.find('name').text.strip().lower()
    if label in DROPPED:
        return None
    label = MISSPELT.get(label, label)
    polygon = one.find('polygon')
    if polygon is not None:
        corners = [[float(polygon.find(f'{axis}{k}').text) for k in range(1, 5)] for axis in 'xy']
        return Box(label, *around(*corners))
    return Box(label, *(float(one.find('bndbox').find(key).text) for key in ('xmin', 'ymin', 'xmax', 'ymax')))
