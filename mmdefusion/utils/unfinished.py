"""Temporary names of files that are being written: nobody else's, and told apart from all others if a run is killed."""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import socket
import time
import uuid
from pathlib import Path


def _machine() -> str:
    """What numbers of processes belong to: machines and containers may have one name."""
    parts = [socket.gethostname(), str(uuid.getnode())]
    for read in (lambda: Path('/proc/sys/kernel/random/boot_id').read_text(), lambda: os.readlink('/proc/self/ns/pid')):
        with contextlib.suppress(OSError):  # not on Linux
            parts.append(read())
    return '\n'.join(parts)


HOST = hashlib.sha256(_machine().encode()).hexdigest()[:8]
NAME = re.compile(r'\.mmdefusion-(?P<process>\d+)-(?P<host>[0-9a-f]{8})-[0-9a-f]{16}(\..*)?', re.DOTALL)
IDLE = 10  # seconds without a write after which the file of a process that is gone is left over
DAY = 86400  # the same for files of other machines, whose processes cannot be asked for
_swept: set[tuple[int, str]] = set()


def unfinished_of(path: Path) -> Path:
    """Makes an empty file beside a path, in which its content can be written before it gets the name.

    The name is new and hidden, and has the path's suffix: no file is overwritten, no link followed, and two runs in one
    folder do not meet. What killed runs left there is removed, once for each folder and process.

    Raises:
        OSError: if the folder cannot be written into.
    """
    unfinished = unfinished_name(path)
    sweep(path.parent)
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))  # less the umask, as open() does
    return unfinished


def unfinished_name(path: Path) -> Path:
    """The name alone, for what makes its file or folder itself."""
    return path.with_name(f'.mmdefusion-{os.getpid()}-{HOST}-{secrets.token_hex(8)}{path.suffix}')


def sweep(folder: Path) -> None:
    """Removes what killed runs left in a folder; a folder may have very many files, so it is not done each time."""
    place = os.getpid(), os.path.abspath(folder)
    if place in _swept:
        return
    _swept.add(place)
    with os.scandir(folder) as entries:
        found = [(entry, match) for entry in entries if (match := NAME.fullmatch(entry.name))]
    for entry, match in found:
        try:
            idle = time.time() - entry.stat(follow_symlinks=False).st_mtime
            gone = match['host'] == HOST and not _lives(int(match['process']))
            if idle <= (IDLE if gone else DAY):
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            elif entry.is_file(follow_symlinks=False):
                os.unlink(entry.path)
        except OSError:  # another run was sooner, or it is not ours
            continue


def _lives(process: int) -> bool:
    if os.name != 'posix':  # elsewhere there is no harmless signal
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
