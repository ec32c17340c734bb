"""Pairs to fuse, from any two folders."""

import os

from mmengine.dataset import BaseDataset

from mmdefusion.datasets.stems import match_stems
from mmdefusion.registry import DATASETS


@DATASETS.register_module()
class FusionDataset(BaseDataset):
    """Files of the same name in two folders, extensions and suffixes aside.

    Each sample has ``img_path``, ``img_ir_path`` and ``name``, the name that both share.

    Args:
        first: folder of visible images, first exposures or first foci, searched recursively, under ``data_root``.
        second: folder of their partners; it may be the same one, if ``suffixes`` tell them apart.
        suffixes: what names end with before the extension, such as ('_A', '_B').
        data_root: put before both folders.
        **kwargs: of MMEngine's BaseDataset, such as ``pipeline`` and ``indices``.

    Raises:
        FileNotFoundError: if a folder is not there.
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
        """The folders are joined above; BaseDataset would do it with its annotation file."""
