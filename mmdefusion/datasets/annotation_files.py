"""Reads annotation files as data: bounded in size, in UTF-8, with one kind of error for malformed content."""

import json
import os
import re
import stat
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdefusion.utils.names import shown

MAX_BYTES = 64 * 2**20  # of a text or XML file; the largest known, VEDAI's one file for all images, has 3 MB
MAX_JSON_BYTES = 2**30  # COCO's own file has 450 MB
# control characters, marks that turn text around, halves of surrogate pairs, and what XML does not allow
UNWRITABLE = re.compile('[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]')
MALFORMED = (
    ElementTree.ParseError,
    AssertionError,  # pycocotools and the toolboxes assert instead of raising
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


class UnusableAnnotation(ValueError):
    """The content of an annotation file is at fault. The message can be printed."""

    def __init__(self, message: str) -> None:
        super().__init__(shown(message))


@contextmanager
def reading(path: str | os.PathLike, format: str) -> Iterator[None]:
    """A context that turns whatever a malformed file makes Python raise into one line with the file's name.

    Args:
        path: path of the file that is read inside the context.
        format: name of the format, for the message.

    Raises:
        UnusableAnnotation: instead of errors of values, types and look-ups.
    """
    try:
        yield
    except UnusableAnnotation:
        raise
    except MALFORMED as error:
        why = f'it lacks {error}' if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise UnusableAnnotation(f'{path} is not {format}: {why[:200]}; repair or replace the file.') from None


def check_file(path: str | os.PathLike, limit: int = MAX_BYTES) -> None:
    """Checks that a path is a regular file, as reading a device or a pipe may never end, and its size.

    Raises:
        FileNotFoundError: if there is no such file.
        UnusableAnnotation: if it is not a regular file, or larger than ``limit`` bytes.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise UnusableAnnotation(f'{path} is not a regular file; name a file.')
    if found.st_size > limit:
        raise UnusableAnnotation(f'{path} has {found.st_size} bytes, more than {limit}; is it the right file?')


def read_bytes(path: str | os.PathLike, limit: int = MAX_BYTES) -> bytes:
    """Reads a regular file, see :func:`check_file`."""
    check_file(path, limit)
    return Path(path).read_bytes()


def read_text(path: str | os.PathLike) -> str:
    """Reads a UTF-8 text file, without its byte order mark."""
    with reading(path, 'UTF-8 text'):
        return read_bytes(path).decode('utf-8-sig')


def read_lines(path: str | os.PathLike) -> list[str]:
    """Reads the lines of a text file that are not blank."""
    return [line for line in read_text(path).splitlines() if line.strip()]


def read_xml_file(path: str | os.PathLike) -> ElementTree.Element:
    """Reads the root element of an XML file; external entities are not loaded."""
    with reading(path, 'XML'):
        return ElementTree.fromstring(read_bytes(path))


def told_size(root: ElementTree.Element) -> tuple[int, int] | None:
    """The width and height in an annotation in VOC's format; None if it gives none of a pixel or more."""
    try:
        width, height = (round(float(root.findtext(f'size/{key}', ''))) for key in ('width', 'height'))
    except (OverflowError, ValueError):
        return None
    return (width, height) if all(0 < side < 2**31 for side in (width, height)) else None


def read_json_file(path: str | os.PathLike) -> Any:
    """Reads a JSON file."""
    with reading(path, 'JSON'):
        return json.loads(read_bytes(path, MAX_JSON_BYTES))


def check_name(name: str) -> None:
    """Checks that a name comes back from a line of text and from XML.

    Raises:
        ValueError: if it has control characters (a line feed among them), marks that turn text around, or halves of
            surrogate pairs.
    """
    if UNWRITABLE.search(name):
        raise ValueError(f'the name {name!r:.100} has control characters or surrogates; rename it')


@dataclass(frozen=True)
class CocoImage:
    """An image of a COCO file."""

    id: int | str
    name: str
    width: int
    height: int


@dataclass(frozen=True)
class CocoAnnotation:
    """A box of a COCO file as it is written: (left, top, width, height) in pixels, not checked."""

    id: int | str
    image_id: int | str
    category_id: int | str
    bbox: tuple[float, float, float, float]
    ignore: bool


@dataclass(frozen=True)
class CocoFile:
    """The content of a COCO file; ``categories`` maps ids to names, in the file's order."""

    categories: dict[int | str, str]
    images: list[CocoImage]
    annotations: list[CocoAnnotation]


def read_coco_file(path: str | os.PathLike) -> CocoFile:
    """Reads the images, boxes and categories of a file in COCO's format.

    Raises:
        FileNotFoundError: if there is no such file.
        UnusableAnnotation: if it is not JSON, or a required key is missing or of another type.
    """
    content = read_json_file(path)
    with reading(path, 'in COCO format'):
        categories = {_id(one['id']): _text(one['name']) for one in content['categories']}
        if len(categories) < len(content['categories']):
            raise ValueError('two categories have one id')
        images = [
            CocoImage(_id(one['id']), _text(one['file_name']), _side(one['width']), _side(one['height']))
            for one in content['images']
        ]
        annotations = [_annotation(number, one) for number, one in enumerate(content['annotations'])]
        known = {image.id for image in images}
        if len(known) < len(images):
            raise ValueError('two images have one id')
        for one in annotations:
            if one.image_id not in known:
                raise ValueError(f'annotation {one.id} is of image {one.image_id}, which is not listed')
    return CocoFile(categories, images, annotations)


def _annotation(number: int, one: dict) -> CocoAnnotation:
    x, y, width, height = map(float, one['bbox'])
    ignore = bool(one.get('iscrowd', 0) or one.get('ignore', 0))
    name = _id(one.get('id', number))
    return CocoAnnotation(name, _id(one['image_id']), _id(one['category_id']), (x, y, width, height), ignore)


def _id(value: object) -> int | str:
    if not isinstance(value, int | str):
        raise TypeError(f'{value!r} is not an id')
    if isinstance(value, str):
        check_name(value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f'{value!r} is not a name')
    check_name(value)
    return value


def _side(value: object) -> int:
    if not isinstance(value, int | float) or not 0 < value < 2**31 or int(value) != value:
        raise ValueError(f'{value!r} is not a width or height in pixels')
    return int(value)
