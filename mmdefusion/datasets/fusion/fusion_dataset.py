"""Pairs to fuse, from two folders."""

import os
from typing import get_args

from mmengine.dataset import BaseDataset

from mmdefusion.inference.infrared import Polarity, tell_black_hot, warn_of_idle_range
from mmdefusion.inference.sources import Item
from mmdefusion.inference.stems import match_stems
from mmdefusion.registry import DATASETS

from ..pipelines import built_steps
from ..transforms import AppendPartner


@DATASETS.register_module()
class FusionDataset(BaseDataset):
    """Pairs the files of two folders that have the same name, apart from extensions and suffixes.

    Each sample has ``img_path``, ``img_ir_path`` and ``name``, the common part of both names; and with a polarity
    ``black_hot``, by which AppendPartner turns the infrared images as :class:`mmdefusion.FusionInferencer` does.

    Args:
        first: folder of visible images, first exposures or first foci, searched recursively, under ``data_root``.
        second: folder of their partners; it may be the same folder, if ``suffixes`` tell the files apart.
        suffixes: endings of the names before the extension, such as ('_A', '_B').
        data_root: root of both folders.
        polarity: whether hot is bright in the second images (``'white-hot'``) or dark (``'black-hot'``), or ``'auto'``
            to guess it of the whole data set, with a warning where it is not white-hot. None is for exposures and
            foci, and takes second images as they are.
        **kwargs: arguments of MMEngine's BaseDataset, such as ``pipeline`` and ``indices``.

    Raises:
        FileNotFoundError: if a folder does not exist.
        ValueError: if names do not match, or there is a polarity of another value, or without AppendPartner in the
            pipeline.
    """

    def __init__(
        self,
        first: str,
        second: str,
        suffixes: tuple[str, str] = ('', ''),
        data_root: str = '',
        polarity: Polarity | None = None,
        **kwargs,
    ) -> None:
        if polarity not in (None, *get_args(Polarity)):
            raise ValueError(f'polarity={polarity!r} is none of {", ".join(get_args(Polarity))}, or None.')
        self.polarity = polarity
        self.folders = [os.path.join(data_root, folder) for folder in (first, second)]
        self.suffixes = suffixes
        super().__init__(data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        matched = match_stems(self.folders, self.suffixes)
        thermal = {} if self.polarity is None else dict(black_hot=self._tell_black_hot(matched))
        return [dict(img_path=one, img_ir_path=other, name=name, **thermal) for name, (one, other) in matched.items()]

    def _tell_black_hot(self, matched: dict[str, tuple[str, ...]]) -> bool:
        """Whether hot is dark in the infrared images, as AppendPartner scales them."""
        partner = next((step for step in built_steps(self.pipeline) if isinstance(step, AppendPartner)), None)
        if partner is None:
            raise ValueError(f'polarity={self.polarity!r} needs AppendPartner in the pipeline, which turns the images.')
        items = [Item(name, paths) for name, paths in matched.items()]
        warn_of_idle_range(items, partner.fixed_range)
        return tell_black_hot(items, self.polarity, partner.fixed_range, partner.percentiles)

    def _join_prefix(self) -> None:
        """Does nothing: the folders are joined above, and there is no annotation file to join."""
