"""Aligned pairs without labels, for pretraining."""

import os
from collections.abc import Sequence

from mmdefusion.registry import DATASETS

from ..pairing import absent_files, partner_path
from .image_folders import ImageFolders


@DATASETS.register_module()
class PairFolders(ImageFolders):
    """Visible images with infrared partners of the same relative path in other folders.

    Args:
        folders: folders of visible images, as in :class:`ImageFolders`.
        partners: folders of infrared images, one for each of ``folders``. If empty, the ``rule`` of AppendPartner finds
            them.
        suffixes: endings of visible and infrared names, if they differ, e.g. ('_vi.png', '.tif').
        **kwargs: arguments of :class:`ImageFolders`.

    Raises:
        FileNotFoundError: if partners are missing.
        ValueError: if ``folders`` and ``partners`` differ in number, or ``partners`` are given for a list.
    """

    def __init__(
        self,
        folders: str | Sequence[str | dict] = (),
        partners: str | Sequence[str] = (),
        suffixes: tuple[str | None, str | None] = (None, None),
        **kwargs,
    ) -> None:
        self.partners = [partners] if isinstance(partners, str) else list(partners)
        self.suffixes = suffixes
        count = 1 if isinstance(folders, str) else len(folders)
        if self.partners and len(self.partners) != count:
            raise ValueError(
                f'PairFolders has {count} folders of visible images and {len(self.partners)} of infrared images '
                f'({self.partners}): name one of each.'
            )
        if self.partners and kwargs.get('list_file') is not None:
            raise ValueError(
                f'partners={self.partners} go with folders, not beside list_file={kwargs["list_file"]}: let a '
                'rule of AppendPartner find the partners of listed images.'
            )
        super().__init__(folders, **kwargs)

    def load_data_list(self) -> list[dict]:
        if not self.partners:
            return super().load_data_list()
        infos = []
        for folder, partner in zip(self.folders, map(self._under_root, self.partners), strict=True):
            prefix = os.path.join(self._under_root(folder['path']), '')
            for path in self.find(**folder):
                infos.append(dict(img_path=path, img_ir_path=partner_path(path, prefix, partner, *self.suffixes)))
        if absent := absent_files([info['img_ir_path'] for info in infos], self.backend_args):
            raise FileNotFoundError(
                f'{len(absent)} of {len(infos)} partners are not there, first {absent[0]}; correct partners or '
                'suffixes, or name the complete pairs in the split of their folder.'
            )
        return infos
