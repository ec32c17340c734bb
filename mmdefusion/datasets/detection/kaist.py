"""KAIST: pedestrians by day and by night."""

import os
import xml.etree.ElementTree as ET

from mmdefusion.registry import DATASETS

from ..conversion.kaist import is_ignored
from .paired_xml import PairedXMLDataset


def to_voc(annotation: ET.ElementTree) -> None:
    """Turns the objects of a KAIST annotation into VOC format, in place.

    'person?' and 'person?a' (doubtful), 'people' (a group) and 'cyclist' become difficult persons, which mmdet ignores:
    neither a target nor a false positive. A box is x, y, w, h, or four corners; either way it counts from 0, as in
    KAIST's published loaders and the script that turns its text files into XML.
    """
    for obj in annotation.findall('object'):
        name, difficult = obj.find('name'), obj.find('difficult')
        name.text = name.text.strip().lower()
        if is_ignored(name.text):
            name.text = 'person'
            difficult = ET.SubElement(obj, 'difficult') if difficult is None else difficult
            difficult.text = '1'
        box = obj.find('bndbox')
        if box.find('x') is not None:
            x, y, w, h = (float(box.find(key).text) for key in 'xywh')
            for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), (x, y, x + w, y + h), strict=True):
                ET.SubElement(box, key).text = str(value)


@DATASETS.register_module()
class KAISTDataset(PairedXMLDataset):
    """KAIST Multispectral Pedestrian (Hwang et al., CVPR 2015), pairs of 640×512.

    Source: github.com/SoonminHwang/rgbt-ped-detection.

    Layout: images/set00/V000/{visible,lwir}/I00000.jpg; ``ann_file`` is a list of imageSets/ with lines
    'set00/V000/I00000'. The default annotations are the sanitised ones of the training sets (Li et al., MSDS-RCNN, BMVC
    2018): annotations-xml-new-sanitized/set00/V000/I00000.xml.

    The only class is person; 'person?', 'people' and 'cyclist' are ignored, not background. The limits of the
    'reasonable' setting (at least 55 pixels high, at most partly occluded) belong to the evaluation and are not applied
    here.

    Raises:
        ValueError: if there is no ``ann_file``.
    """

    METAINFO = dict(dataset_type='KAIST', classes=('person',), palette=[(220, 20, 60)])
    DATA_PREFIX = dict(img='images', img_ir='images', ann='annotations-xml-new-sanitized')

    def __init__(self, ann_file: str, img_suffix: str = '.jpg', **kwargs) -> None:
        if not ann_file:
            raise ValueError('KAISTDataset needs ann_file, a list of imageSets/ with lines like set00/V000/I00000.')
        super().__init__(ann_file=ann_file, img_suffix=img_suffix, **kwargs)

    def image_stem(self, image_id: str) -> str:
        folder, name = os.path.split(image_id)
        return os.path.join(self.data_prefix['img'], folder, 'visible', name)

    def find_partner(self, img_path: str) -> str:
        path = super().find_partner(img_path)
        folder, name = os.path.split(path)
        return os.path.join(os.path.dirname(folder), 'lwir', name)

    def _parse_instance_info(self, raw_ann_info: ET.ElementTree, minus_one: bool = False) -> list[dict]:
        to_voc(raw_ann_info)  # mmdet asks for minus_one, which is VOC's
        return super()._parse_instance_info(raw_ann_info, minus_one=False)
