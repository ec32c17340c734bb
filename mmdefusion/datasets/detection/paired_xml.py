"""Pairs with boxes in VOC's XML format."""

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable

from mmdet.datasets import XMLDataset
from mmengine import fileio

from mmdefusion.registry import DATASETS
from mmdefusion.utils.image_headers import IMAGE_SUFFIXES, UnusableImage, read_header
from mmdefusion.utils.storage import is_local

from ..annotation_files import MALFORMED, told_size
from ..pairing import PairedDatasetMixin, strip_suffix


def add_extensions(stems: list[str], backend_args: dict | None = None) -> list[str]:
    """Adds to each stem the extension of its image, or '.png' if there is no image; lists each folder once."""
    extensions: dict[str, dict[str, str]] = {}
    paths = []
    for stem in stems:
        folder, name = os.path.split(stem)
        if folder not in extensions:
            entries = map(os.path.splitext, list_files(folder, backend_args))
            extensions[folder] = {root: end for root, end in entries if end.lower() in IMAGE_SUFFIXES}
        paths.append(stem + extensions[folder].get(name, IMAGE_SUFFIXES[0]))
    return paths


def list_files(folder: str, backend_args: dict | None = None) -> Iterable[str]:
    """The names of the files in a folder; none if there is no such folder, or its backend cannot list."""
    backend = fileio.get_file_backend(folder, backend_args=backend_args, enable_singleton=True)
    if not hasattr(backend, 'list_dir_or_file') or not backend.isdir(folder):
        return ()
    return backend.list_dir_or_file(folder, list_dir=False)


@DATASETS.register_module()
class PairedXMLDataset(PairedDatasetMixin, XMLDataset):
    """Pairs with boxes in VOC's XML format, one file per image.

    The images are those in ``ann_file``, one id per line (``set00/V000/I00000``, ``00001`` or ``00001.png``), or
    without ``ann_file`` those in the visible folder.

    Args:
        data_prefix: folders ``img``, ``img_ir`` and ``ann``; the defaults are in DATA_PREFIX.
        img_suffix: ending of the names of visible images after the id; None stands for any image extension.
        ann_suffix: ending of the names of annotations after the id.
        kwargs: as in :class:`PairedDatasetMixin` and :class:`mmdet.datasets.BaseDetDataset`.

    Raises:
        FileNotFoundError: if a listed image has no annotation.
        ValueError: if an annotation is not XML, or not in VOC format.
    """

    DATA_PREFIX = dict(img='visible', img_ir='infrared', ann='Annotations')

    def __init__(
        self, data_prefix: dict | None = None, img_suffix: str | None = None, ann_suffix: str = '.xml', **kwargs
    ) -> None:
        self.img_suffix = img_suffix
        self.ann_suffix = ann_suffix
        super().__init__(data_prefix={**self.DATA_PREFIX, **(data_prefix or {})}, **kwargs)

    def load_ids(self) -> list[str]:
        """The ids of the images, in order."""
        if self.ann_file:
            lines = fileio.list_from_file(self.ann_file, encoding='utf-8-sig', backend_args=self.backend_args)
            return [strip_suffix(line.strip()) for line in lines if line.strip()]
        suffixes = IMAGE_SUFFIXES if self.img_suffix is None else (self.img_suffix,)
        names = fileio.list_dir_or_file(self.data_prefix['img'], list_dir=False, backend_args=self.backend_args)
        ends = {name: next((s for s in suffixes if name.lower().endswith(s.lower())), None) for name in names}
        return sorted(name[: -len(end)] for name, end in ends.items() if end)

    def image_stem(self, image_id: str) -> str:
        """The path of the visible image of an id, without its suffix."""
        return os.path.join(self.data_prefix['img'], image_id)

    def annotation_path(self, image_id: str) -> str:
        """The XML file of an id."""
        return os.path.join(self.data_prefix['ann'], image_id + self.ann_suffix)

    def list_samples(self) -> list[dict]:
        if 'classes' not in self._metainfo:
            raise ValueError(
                f'{type(self).__name__} has no classes; set metainfo=dict(classes=(...)) to the names in the XML.'
            )
        self.cat2label = {name: label for label, name in enumerate(self._metainfo['classes'])}
        ids = self.load_ids()
        stems = [self.image_stem(image_id) for image_id in ids]
        if self.img_suffix is None:
            images = add_extensions(stems, self.backend_args)
        else:
            images = [stem + self.img_suffix for stem in stems]
        return [
            self.parse_data_info(dict(img_id=image_id, file_name=image, xml_path=self.annotation_path(image_id)))
            for image_id, image in zip(ids, images, strict=True)
        ]

    def parse_data_info(self, img_info: dict) -> dict:
        """Reads one annotation; ``img_info`` has ``img_id`` and the full paths ``file_name`` and ``xml_path``."""
        image, annotation = img_info['file_name'], img_info['xml_path']
        if is_local(annotation, self.backend_args) and not os.path.isfile(annotation):
            if self.strict:
                raise FileNotFoundError(
                    f'annotation {annotation} of image {image} is not there; add it, or take '
                    f'{img_info["img_id"]!r} out of {self.ann_file or "the folder"}'
                )
            return dict(img_path=image, img_id=img_info['img_id'], xml_path=annotation, height=0, width=0, instances=[])
        try:
            tree = ET.ElementTree(ET.fromstring(fileio.get(annotation, backend_args=self.backend_args)))
            instances = self._parse_instance_info(tree, minus_one=True)
        except ET.ParseError as error:
            raise ValueError(f'annotation {annotation} of image {image} is not XML ({error}); replace it.') from None
        except MALFORMED as error:  # an object without a name, box or number
            raise ValueError(
                f'annotation {annotation} of image {image} is not in VOC format ({error}); correct it.'
            ) from None
        width, height = told_size(tree.getroot()) or self._size(image)
        return dict(
            img_path=image,
            img_id=img_info['img_id'],
            xml_path=annotation,
            height=height,
            width=width,
            instances=instances,
        )

    def _size(self, image: str) -> tuple[int, int]:
        """The width and height of an image, where its annotation gives none; zeros if it is not to be read."""
        try:
            header = read_header(image, self.backend_args)
        except (OSError, UnusableImage):
            if self.strict:
                raise
            return 0, 0
        return header.width, header.height
