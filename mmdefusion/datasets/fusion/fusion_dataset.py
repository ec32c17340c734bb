"""Pairs to fuse, from two folders."""

import os

from mmengine.dataset import BaseDataset

from mmdefusion.datasets.stems import match_stems
from mmdefusion.registry import DATASETS


@DATASETS.register_module()
class FusionDataset(BaseDataset):
    """Pairs the files of two folders that have the same name, apart from extensions and suffixes.

    Each sample has ``img_path``, ``img_ir_path`` and ``name``, the common part of both names.

    Args:
        first: folder of visible images, first exposures or first foci, searched recursively, under ``data_root``.
        second: folder of their partners; it may be the same folder, if ``suffixes`` tell the files apart.
        suffixes: endings of the names before the extension, such as ('_A', '_B').
        data_root: root of both folders.
        **kwargs: arguments of MMEngine's BaseDataset, such as ``pipeline`` and ``indices``.

    Raises:
        FileNotFoundError: if a folder does not exist.
        ValueError: if names do not match.
    """

    def __init__(
        self, first: str, second: str, suffixes: tuple[str, str] = ('', ''), data_root: str = '', **kwargs
    ) -> None:
        self.folders = [os.path.join(data_root, folder) for folder in (first, second)]
        self.suffixes = suffixes
        super().__init__(data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        matched = match_stems(self.folders, self.suffixes)
        return [dict(img_path=one, img_ir_path=other, name=name) for name, (one, other) in matched.items()]

    def _join_prefix(self) -> None:
        """Does nothing: the folders are joined above, and there is no annotation file to join."""
