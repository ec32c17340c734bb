"""Reads files out of tar archives, without unpacking them: shards, as WebDataset has them, for any data set."""

import os
import tarfile
from collections.abc import Iterable
from typing import NamedTuple

from mmengine.fileio import register_backend

from .archive_backend import ArchiveBackend


class Place(NamedTuple):
    """Where a file lies in an archive, in bytes."""

    start: int
    size: int


class TarBackend(ArchiveBackend):
    """Plain tar files (not compressed), ``shards/000.tar/vi/1.jpg``: ``backend_args=dict(backend='mmdefusion.tar')``.

    Each process reads the table of an archive once and keeps it (some hundred bytes for each file); of the contents
    only what is asked for is read.
    """

    suffix = '.tar'

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, dict[str, Place]] = {}

    def names(self, archive: str) -> Iterable[str]:
        return self._table(archive)

    def holds(self, archive: str, name: str) -> bool:
        return name in self._table(archive)

    def read(self, archive: str, name: str) -> bytes | None:
        place = self._table(archive).get(name)
        if place is None:
            return None
        with open(archive, 'rb') as file:  # each time: worker processes must not share a position
            file.seek(place.start)
            return file.read(place.size)

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


register_backend('mmdefusion.tar', TarBackend)
