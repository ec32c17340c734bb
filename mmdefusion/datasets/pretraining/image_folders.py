"""Images without labels, for pretraining."""

import json
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from mmengine import fileio
from mmengine.dataset import BaseDataset

from mmdefusion.registry import DATASETS
from mmdefusion.utils.image_headers import IMAGE_SUFFIXES, UnusableImage

from ..annotation_files import UnusableAnnotation, reading
from ..pairing import strip_suffix
from ..samplers import Draw
from .broken_files import BrokenFiles


@DATASETS.register_module()
class ImageFolders(BaseDataset):
    """All images below some folders, or the images in a list.

    COCO, ImageNet and the like need no preparation: name the folder. A file that cannot be read is reported once and
    replaced by the next image, until too many are broken.

    Args:
        folders: folders, searched recursively, relative to ``data_root``. Each is a path, or a dict of ``path`` and a
            selection: ``split``, a file that names the images (one per line with or without extension, or COCO
            annotations), or ``part``, the positions (first, stop) among the sorted names.
        list_file: text file with one path per line, relative to ``data_root``, instead of ``folders`` or in addition;
            for backends that cannot list a folder (LMDB, HTTP). The backend of the list follows from its own path.
        data_root: root of all paths.
        max_broken_share: largest share of broken files; more of them stop the run.
        backend_args: arguments of the file backend.
        **kwargs: arguments of MMEngine's BaseDataset, such as ``pipeline`` and ``indices``.

    Raises:
        FileNotFoundError: if a folder or the list does not exist.
        ValueError: if there is nothing to read, no image in a folder, or too many images are broken.
    """

    def __init__(
        self,
        folders: str | Sequence[str | dict] = (),
        list_file: str | None = None,
        data_root: str = '',
        max_broken_share: float = 0.05,
        backend_args: dict | None = None,
        **kwargs,
    ) -> None:
        folders = [folders] if isinstance(folders, str) else folders
        self.folders = [dict(path=folder) if isinstance(folder, str) else dict(folder) for folder in folders]
        self.list_file = list_file
        if not self.folders and list_file is None:
            raise ValueError(f'{type(self).__name__} has neither folders nor a list_file: give one of them.')
        self.max_broken_share = max_broken_share
        self.backend_args = backend_args
        super().__init__(data_root=data_root, **kwargs)

    def full_init(self) -> None:
        if not self._fully_initialized:
            super().full_init()
            self.broken = BrokenFiles(self, self.max_broken_share)

    def load_data_list(self) -> list[dict]:
        found = [path for folder in self.folders for path in self.find(**folder)]
        return [dict(img_path=path) for path in found + self._listed()]

    def find(self, path: str, split: str | None = None, part: tuple[int, int] | None = None) -> list[str]:
        """Paths of the images of one folder, in the order of their names."""
        path = self._under_root(path)
        if not hasattr(backend := fileio.get_file_backend(path, backend_args=self.backend_args), 'list_dir_or_file'):
            raise ValueError(f'{type(backend).__name__} cannot list {path}: name the images in list_file.')
        if not fileio.isdir(path, backend_args=self.backend_args):
            raise FileNotFoundError(f'{path} is not a folder; correct folders or data_root.')
        names = fileio.list_dir_or_file(path, list_dir=False, recursive=True, backend_args=self.backend_args)
        seen = (name for name in names if not any(part.startswith('.') for part in name.split('/')))
        names = sorted(name for name in seen if name.lower().endswith(IMAGE_SUFFIXES))
        if not names:
            raise ValueError(f'{path} has no image ({", ".join(IMAGE_SUFFIXES)}) in it or below.')
        if split is not None:
            names = self._choose(names, path, self._under_root(split))
        if part is not None:
            if not 0 <= part[0] < part[1] <= len(names):
                raise ValueError(f'part={part} is no part of the {len(names)} images in {path}.')
            names = names[part[0] : part[1]]
        return [os.path.join(path, name) for name in names]

    def _choose(self, names: list[str], path: str, split: str) -> list[str]:
        text = fileio.get_text(split, encoding='utf-8-sig', backend_args=self.backend_args)
        if split.endswith('.json'):
            with reading(split, 'in COCO format'):
                wanted = {strip_suffix(image['file_name']) for image in json.loads(text)['images']}
        else:
            wanted = {strip_suffix(line.strip()) for line in text.splitlines() if line.strip()}
        if not wanted:
            raise UnusableAnnotation(f'{split} names no image; repair it, or leave split out.')
        chosen = [name for name in names if strip_suffix(name) in wanted]
        if absent := wanted - {strip_suffix(name) for name in chosen}:
            raise FileNotFoundError(
                f'{len(absent)} of the {len(wanted)} images that {split} names are not in {path}, first '
                f'{min(absent)}; correct path or split.'
            )
        return chosen

    def _listed(self) -> list[str]:
        if self.list_file is None:
            return []
        text = fileio.get_text(self._under_root(self.list_file), encoding='utf-8-sig')
        names = [line.strip() for line in text.splitlines() if line.strip()]
        if not names:
            raise ValueError(f'{self._under_root(self.list_file)} names no image; write one path per line.')
        return [self._under_root(name) for name in names]

    def _under_root(self, path: str) -> str:
        return os.path.join(self.data_root, path) if self.data_root else path

    def _join_prefix(self) -> None:
        """Does nothing: the paths are joined above, and there is no annotation file to join."""

    def __getitem__(self, draw: int | Draw) -> dict:
        """Loads a sample, with seeded random transforms if the index is a :class:`Draw`."""
        if not self._fully_initialized:
            self.full_init()
        index, seed = draw if isinstance(draw, Draw) else (draw, None)
        with seeded(seed):
            while True:
                if index not in self.broken:
                    try:
                        return self.pipeline(self.get_data_info(index))
                    except (FileNotFoundError, UnusableImage) as error:
                        self.broken.add(index, error)
                index = (index + 1) % len(self)


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """A context in which the random numbers of Python and NumPy come from ``seed``.

    Afterwards they continue as before.
    """
    if seed is None:
        yield
        return
    states = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
