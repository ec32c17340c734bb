"""Reads files out of tar archives, without unpacking them: shards, as WebDataset has them, for any data set."""

import os
import tarfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from mmengine.fileio import register_backend

from mmdefusion.utils.image_headers import check_bytes, max_pixels

from .archive_backend import ArchiveBackend

# what tarfile raises at archives that are none; of the file itself, which is opened before, OSError says something else
MALFORMED = (tarfile.TarError, ArithmeticError, LookupError, MemoryError, OSError, RecursionError, ValueError)


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
        check_bytes(place.size, max_pixels(), os.path.join(archive, name))
        with open(archive, 'rb') as file:  # each time: worker processes must not share a position
            file.seek(place.start)
            return file.read(place.size)

    def _table(self, archive: str) -> dict[str, Place]:
        if archive not in self.tables:
            with open(archive, 'rb') as file:
                try:
                    self.tables[archive] = {
                        os.path.normpath(member.name): Place(member.offset_data, member.size)
                        for member in _members(file)
                        if member.isreg() and not member.issparse()
                    }
                except MALFORMED as error:
                    if getattr(error, 'errno', None):  # the disk's or the network's, not the archive's
                        raise
                    why = ' '.join(str(error).split())[:200] or type(error).__name__
                    raise ValueError(f'{archive} is no plain tar file ({why}): pack it anew, uncompressed.') from None
        return self.tables[archive]


def _members(file: BinaryIO) -> Iterator[tarfile.TarInfo]:
    """Yields the members of an archive.

    A size in a header decides how much is read of it and where the next header is sought: neither may be more than the
    file has, nor lead back.

    Raises:
        tarfile.ReadError: if one does.
    """
    length = os.fstat(file.fileno()).st_size

    class Member(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
            member = super().frombuf(buf, encoding, errors)
            _check_size(member, length)
            return member

    end = 0
    with tarfile.open(fileobj=file, mode='r:', tarinfo=Member) as archive:
        for member in archive:
            if not member.issparse():  # whose size is that of the unpacked file; they are left out
                _check_size(member, length)  # again, as a PAX header overrides it
            if member.offset_data <= end:
                raise tarfile.ReadError(f'{member.name[:80]!r} lies before the member that it follows')
            end = member.offset_data
            yield member


def _check_size(member: tarfile.TarInfo, length: int) -> None:
    if not 0 <= member.size <= length:
        raise tarfile.ReadError(f'{member.name[:80]!r} has the size {member.size!r:.40} in a file of {length} bytes')


register_backend('mmdefusion.tar', TarBackend)
