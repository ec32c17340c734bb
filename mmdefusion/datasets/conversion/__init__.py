"""Converts box annotations from one format to another."""

from .boxes import AnnotatedImage, Box
from .coco import declared_in_coco, read_coco, write_coco
from .dronevehicle import read_dronevehicle
from .kaist import read_kaist
from .vedai import read_vedai
from .voc import read_voc, write_voc
from .yolo import declared_in_yolo, read_yolo, write_yolo

READERS = {
    'coco': read_coco,
    'voc': read_voc,
    'yolo': read_yolo,
    'kaist': read_kaist,
    'dronevehicle': read_dronevehicle,
    'vedai': read_vedai,
}
WRITERS = {'coco': write_coco, 'voc': write_voc, 'yolo': write_yolo}
DECLARED = {'coco': declared_in_coco, 'yolo': declared_in_yolo}  # the other formats name the classes of boxes only

__all__ = ['DECLARED', 'READERS', 'WRITERS', 'AnnotatedImage', 'Box']
