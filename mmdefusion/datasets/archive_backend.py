"""Reads files out of archives as if they were folders; what kinds of archives there are say the modules beside this."""

import os
import tempfile
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.fileio import BaseStorageBackend, LocalBackend


class ArchiveBackend(BaseStorageBackend):
    """MMEngine storage in which ``shards/0.tar/vi/1.jpg`` is the file ``vi/1.jpg`` in the archive ``shards/0.tar``.

    The end of a name, :attr:`suffix`, tells what is an archive. One is listed as a folder is, and so are all archives
    of a folder. A path without an archive in it is a local file. Nothing is unpacked, so that names in an archive reach
    no other file.
    """

    suffix: str  #: how the names of archives end

    def __init__(self) -> None:
        self.local = LocalBackend()

    @abstractmethod
    def names(self, archive: str) -> Iterable[str]:
        """The names of all files in an archive."""

    @abstractmethod
    def read(self, archive: str, name: str) -> bytes | None:
        """The bytes of a file in an archive; None if it has no such file."""

    def holds(self, archive: str, name: str) -> bool:
        """Whether an archive has such a file."""
        return self.read(archive, name) is not None

    def is_archive(self, path: str) -> bool:
        """Whether a path that ends with :attr:`suffix` is an archive, or could have been one; a folder is none."""
        return not os.path.isdir(path)

    def split(self, path: str | os.PathLike) -> tuple[str | None, str]:
        """The archive in a path and the rest of it; None and the path if there is none."""
        parts = Path(path).parts
        for count, part in enumerate(parts, 1):
            if part.endswith(self.suffix) and self.is_archive(archive := os.path.join(*parts[:count])):
                return archive, '/'.join(parts[count:])
        return None, os.fspath(path)

    def get(self, filepath: str | os.PathLike) -> bytes:
        """The bytes of a file.

        Raises:
            FileNotFoundError: if there is no such archive, or no such file in it.
            ValueError: if the archive cannot be read.
        """
        archive, name = self.split(filepath)
        if archive is None:
            return self.local.get(filepath)
        content = self.read(archive, name)
        if content is None:
            raise FileNotFoundError(f'{name} is not in {archive}.')
        return content

    def get_text(self, filepath: str | os.PathLike, encoding: str = 'utf-8') -> str:
        """The text of a file."""
        return self.get(filepath).decode(encoding)

    def exists(self, filepath: str | os.PathLike) -> bool:
        """Whether there is such a file or folder."""
        return self.isfile(filepath) or self.isdir(filepath)

    def isfile(self, filepath: str | os.PathLike) -> bool:
        """Whether there is such a file."""
        archive, name = self.split(filepath)
        if archive is None:
            return self.local.isfile(filepath)
        return os.path.exists(archive) and self.holds(archive, name)

    def isdir(self, filepath: str | os.PathLike) -> bool:
        """Whether there is such a folder, or archive, or folder in an archive."""
        archive, name = self.split(filepath)
        if archive is None:
            return self.local.isdir(filepath)
        return os.path.exists(archive) and (not name or any(_below(name, found) for found in self.names(archive)))

    def join_path(self, filepath: str | os.PathLike, *filepaths: str | os.PathLike) -> str:
        """Joins parts of a path."""
        return os.path.join(filepath, *filepaths)

    @contextmanager
    def get_local_path(self, filepath: str | os.PathLike) -> Iterator[str]:
        """A context with a local path of a file, which is a copy if the file is in an archive."""
        if self.split(filepath)[0] is None:
            yield str(filepath)
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / Path(filepath).name
            with path.open('wb') as file:  # the disk is not waited for: nobody reads it after this context
                file.write(self.get(filepath))
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
        archive, name = self.split(dir_path)
        if archive is None:
            yield from self.local.list_dir_or_file(dir_path, list_dir, list_file, suffix, recursive)
            for path in sorted(Path(dir_path).glob(f'*{self.suffix}')):
                if self.is_archive(str(path)):
                    inner = self.list_dir_or_file(path, list_dir, list_file, suffix, recursive)
                    yield from (f'{path.name}/{found}' for found in inner)
        elif list_file:
            for found in self.names(archive):
                if (not name or _below(name, found)) and (suffix is None or found.endswith(suffix)):
                    yield found[len(name) + 1 :] if name else found


def _below(folder: str, name: str) -> bool:
    return name.startswith(f'{folder}/')
