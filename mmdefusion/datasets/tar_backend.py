"""Reads files out of tar archives, without unpacking them: shards, as WebDataset has them, for any data set."""

import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mmengine.fileio import BaseStorageBackend, LocalBackend, register_backend

from mmdefusion.utils.files import write_bytes

SUFFIX = '.tar'


class Place(NamedTuple):
    """Where a file lies in an archive, in bytes."""

    start: int
    size: int


class TarBackend(BaseStorageBackend):
    """MMEngine storage for plain tar files (not compressed): ``backend_args=dict(backend='mmdefusion.tar')``.

    ``shards/000.tar/vi/1.jpg`` is the file ``vi/1.jpg`` in the archive ``shards/000.tar``; an archive is listed as a
    folder is, and so are all archives of a folder. A path without an archive in it is a local file. Each process reads
    the table of an archive once and keeps it (some hundred bytes for each file); of the contents only what is asked for
    is read. Nothing is unpacked, so that names in an archive reach no other file.
    """

    def __init__(self) -> None:
        self.local = LocalBackend()
        self.tables: dict[str, dict[str, Place]] = {}

    def get(self, filepath: str | os.PathLike) -> bytes:
        """The bytes of a file.

        Raises:
            FileNotFoundError: if there is no such archive, or no such file in it.
            ValueError: if the archive is compressed, damaged, or no tar file.
        """
        archive, name = split_archive(filepath)
        if archive is None:
            return self.local.get(filepath)
        place = self._table(archive).get(name)
        if place is None:
            raise FileNotFoundError(f'{name} is not in {archive}.')
        with open(archive, 'rb') as file:  # each time: worker processes must not share a position
            file.seek(place.start)
            return file.read(place.size)

    def get_text(self, filepath: str | os.PathLike, encoding: str = 'utf-8') -> str:
        """The text of a file."""
        return self.get(filepath).decode(encoding)

    def exists(self, filepath: str | os.PathLike) -> bool:
        """Whether there is such a file or folder."""
        return self.isfile(filepath) or self.isdir(filepath)

    def isfile(self, filepath: str | os.PathLike) -> bool:
        """Whether there is such a file."""
        archive, name = split_archive(filepath)
        if archive is None:
            return self.local.isfile(filepath)
        return os.path.isfile(archive) and name in self._table(archive)

    def isdir(self, filepath: str | os.PathLike) -> bool:
        """Whether there is such a folder, or archive, or folder in an archive."""
        archive, name = split_archive(filepath)
        if archive is None:
            return self.local.isdir(filepath)
        return os.path.isfile(archive) and (not name or any(_below(name, found) for found in self._table(archive)))

    def join_path(self, filepath: str | os.PathLike, *filepaths: str | os.PathLike) -> str:
        """Joins parts of a path."""
        return os.path.join(filepath, *filepaths)

    @contextmanager
    def get_local_path(self, filepath: str | os.PathLike) -> Iterator[str]:
        """A context with a local path of a file, which is a copy if the file is in an archive."""
        if split_archive(filepath)[0] is None:
            yield str(filepath)
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / Path(filepath).name
            write_bytes(path, self.get(filepath))
            yield str(path)

    def list_dir_or_file(
        self,
        dir_path: str | os.PathLike,
        list_dir: bool = True,
        list_file: bool = True,
        suffix: str | tuple[str, ...] | None = None,
        recursive: bool = False,
    ) -> Iterator[str]:
        """Yields the files in an archive, or in a folder and in all archives in it, relative to ``dir_path``.

        Folders in archives are not listed (``list_dir``), and what is in them always is (``recursive``).
        """
        archive, name = split_archive(dir_path)
        if archive is None:
            yield from self.local.list_dir_or_file(dir_path, list_dir, list_file, suffix, recursive)
            for path in sorted(Path(dir_path).glob(f'*{SUFFIX}')):
                inner = self.list_dir_or_file(path, list_dir, list_file, suffix, recursive)
                yield from (f'{path.name}/{found}' for found in inner)
        elif list_file:
            for found in self._table(archive):
                if (not name or _below(name, found)) and (suffix is None or found.endswith(suffix)):
                    yield found[len(name) + 1 :] if name else found

    def _table(self, archive: str) -> dict[str, Place]:
        if archive not in self.tables:
            try:
                with tarfile.open(archive, 'r:') as file:
                    self.tables[archive] = {
                        os.path.normpath(member.name): Place(member.offset_data, member.size)
                        for member in file
                        if member.isreg() and not member.issparse()
                    }
            except tarfile.TarError as error:
                raise ValueError(f'{archive} is no plain tar file ({error}): pack it anew, uncompressed.') from None
        return self.tables[archive]


def split_archive(path: str | os.PathLike) -> tuple[str | None, str]:
    """The archive in a path and the rest of it; None and the path if there is none."""
    parts = Path(path).parts
    for count, part in enumerate(parts, 1):
        if part.endswith(SUFFIX) and not os.path.isdir(archive := os.path.join(*parts[:count])):
            return archive, '/'.join(parts[count:])
    return None, os.fspath(path)


def _below(folder: str, name: str) -> bool:
    return name.startswith(f'{folder}/')


register_backend('mmdefusion.tar', TarBackend)
