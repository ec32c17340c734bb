"""Reads files out of LMDB databases, in which they are values under their paths, for any data set."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mmengine.fileio import register_backend

from mmdefusion.utils.compat import installed
from mmdefusion.utils.storage import DATABASE

from .archive_backend import ArchiveBackend

if TYPE_CHECKING:
    from lmdb import Environment

OPENED: dict[str, tuple[int, 'Environment']] = {}  # a process may open a database only once, whatever asks for it


class LmdbBackend(ArchiveBackend):
    """LMDB databases, ``pairs.lmdb/vi/1.png``: ``backend_args=dict(backend='mmdefusion.lmdb')``; needs ``lmdb``.

    The keys are paths, in UTF-8. MMEngine's own ``lmdb`` backend has one database for each ``db_path`` and can neither
    list it nor read an annotation file beside it, which data sets need. The database is mapped into memory as it is, so
    it must come from somebody whom you trust: lmdb ends the process at some damaged ones.

    Raises:
        ImportError: if the package ``lmdb`` is not installed.
    """

    suffix = '.lmdb'

    def __init__(self) -> None:
        if not installed('lmdb'):
            raise ImportError(
                'backend mmdefusion.lmdb reads LMDB databases by a package of that name: pip install lmdb'
            )
        super().__init__()

    def is_archive(self, path: str) -> bool:
        return not os.path.isdir(path) or os.path.isfile(os.path.join(path, DATABASE))

    def names(self, archive: str) -> Iterator[str]:
        with reading(archive), open_database(archive).begin() as database:
            for key in database.cursor().iternext(values=False):
                yield key.decode(errors='surrogateescape')

    def read(self, archive: str, name: str) -> bytes | None:
        if not name:
            return None
        with reading(archive), open_database(archive).begin() as database:
            return database.get(name.encode(errors='surrogateescape'))


@contextmanager
def reading(path: str) -> Iterator[None]:
    """A context that turns lmdb's own errors into one line with the database's name.

    Raises:
        ValueError: instead of them.
    """
    import lmdb

    try:
        yield
    except lmdb.Error as error:
        raise ValueError(f'{path} cannot be read as an LMDB database ({error}): write it anew.') from None


def open_database(path: str) -> 'Environment':
    """The database at a path, opened once in each process, and anew in workers that a process forks.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is none, or cut short.
    """
    import lmdb

    path = os.path.realpath(path)
    process, database = OPENED.get(path, (None, None))
    if process == os.getpid():
        return database
    if database is not None:
        database.close()  # the parent's goes on
    folder = os.path.isdir(path)
    file = os.path.join(path, DATABASE) if folder else path
    size = os.path.getsize(file)
    with reading(path):
        database = lmdb.open(path, subdir=folder, readonly=True, lock=False, readahead=False)
    if size < (needed := (database.info()['last_pgno'] + 1) * database.stat()['psize']):
        database.close()
        raise ValueError(f'{file} has {size} of {needed} bytes: it was cut short, copy it again.')
    OPENED[path] = os.getpid(), database
    return database


register_backend('mmdefusion.lmdb', LmdbBackend)
