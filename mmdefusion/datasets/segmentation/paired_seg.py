"""Pairs with label maps."""

import os

from mmengine import fileio
from mmseg.datasets import BaseSegDataset

from mmdefusion.registry import DATASETS
from mmdefusion.utils.image_headers import IMAGE_SUFFIXES
from mmdefusion.utils.storage import is_local

from ..pairing import PairedDatasetMixin, strip_suffix


@DATASETS.register_module()
class PairedSegDataset(PairedDatasetMixin, BaseSegDataset):
    """Pairs with label maps, e.g. ``data_prefix=dict(img_path='vi', img_ir_path='ir', seg_map_path='labels')``.

    The images are those in ``ann_file``, with or without suffix, or without ``ann_file`` those in the visible folder.

    Args:
        img_suffix: ending of the names of images.
        seg_map_suffix: ending of the names of label maps.
        kwargs: as in :class:`PairedDatasetMixin` and :class:`mmseg.datasets.BaseSegDataset`.
    """

    VISIBLE = 'img_path'
    INFRARED = 'img_ir_path'

    def __init__(self, img_suffix: str = '.png', seg_map_suffix: str = '.png', **kwargs) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)

    def unlisted(self) -> list[str]:
        """The images of the visible folder that are left out, as their names end otherwise; none under ``ann_file``."""
        folder = self.data_prefix[self.VISIBLE]
        if self.ann_file or not is_local(folder, self.backend_args):
            return []
        infos = [self.get_data_info(index) for index in range(len(self))]
        known = {info.get(key) for info in infos for key in ('img_path', 'img_ir_path', 'seg_map_path')}
        names = sorted(fileio.list_dir_or_file(folder, list_dir=False, recursive=True))
        images = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES)]
        return [name for name in images if os.path.join(folder, name) not in known]

    def list_samples(self) -> list[dict]:
        data_list = super().list_samples()
        for info in data_list:
            for key, suffix in (('img_path', self.img_suffix), ('seg_map_path', self.seg_map_suffix)):
                if key in info:
                    listed = info[key].removesuffix(suffix).removesuffix(self.img_suffix)
                    info[key] = strip_suffix(listed).replace('\ufeff', '') + suffix  # of editors that mark UTF-8
        return data_list
