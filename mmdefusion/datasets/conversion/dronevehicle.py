"""DroneVehicle's format: XML files with oriented boxes, of which the horizontal bounding boxes are taken."""

from pathlib import Path
from xml.etree.ElementTree import Element

from .boxes import AnnotatedImage, Box, around
from .voc import read_xml

MISSPELT = {'feright car': 'freight car', 'feright_car': 'freight car', 'feright': 'freight car', 'truvk': 'truck'}
DROPPED = ('', '*')  # labels without a meaning


def read_dronevehicle(annotations: Path, images: Path) -> list[AnnotatedImage]:
    """Reads a folder of XML files with polygons or boxes, named like the images.

    Objects with neither (with a point, say), and those without a name or with the name ``*``, are left out and counted.

    The published images have a white border of 100 pixels, and coordinates count from its corner: convert the images
    with their border, or crop images and boxes alike.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if there are no images, a file is not XML, or a polygon or box is not whole.
    """
    return read_xml(annotations, images, _read_box, "in DroneVehicle's format")


def _read_box(one: Element) -> Box | None:
    label = one.findtext('name', '').strip().lower()
    polygon, edges = one.find('polygon'), one.find('bndbox')
    if label in DROPPED or (polygon is None and edges is None):
        return None
    label = MISSPELT.get(label, label)
    if polygon is not None:
        corners = [[float(polygon.find(f'{axis}{k}').text) for k in range(1, 5)] for axis in 'xy']
        return Box(label, *around(*corners))
    return Box(label, *(float(edges.find(key).text) for key in ('xmin', 'ymin', 'xmax', 'ymax')))
