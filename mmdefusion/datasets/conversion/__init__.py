"""Converts box annotations from one format to another."""

from .boxes import AnnotatedImage, Box
from .coco import read_coco, write_coco
from .dronevehicle import read_dronevehicle
from .kaist import read_kaist
from .vedai import read_vedai
from .voc import read_voc, write_voc
from .yolo import read_yolo, write_yolo

READERS = {
    'coco': read_coco,
    'voc': read_voc,
    'yolo': read_yolo,
    'kaist': read_kaist,
    'dronevehicle': read_dronevehicle,
    'vedai': read_vedai,
}
WRITERS = {'coco': write_coco, 'voc': write_voc, 'yolo': write_yolo}

__all__ = ['READERS', 'WRITERS', 'AnnotatedImage', 'Box']
