"""Fetches files from the network, of bounded size, and gives them their name when they are whole."""

import contextlib
import os
import sys
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

try:
    import fcntl
except ImportError:  # elsewhere than on POSIX
    fcntl = None

from .files import give_name
from .unfinished import unfinished_of

MAX_BYTES = 2**33  # the largest ViT's weights take 4.5 GB in float32
BLOCK = 2**20
TIMEOUT = 30  # seconds without a byte


class FetchError(OSError):
    """A file cannot be fetched; the message is one line that names it."""


class DamagedError(FetchError):
    """A file that was fetched has another content than it should have."""


def download(url: str, target: Path) -> Path:
    """Fetches a file over HTTP or HTTPS and gives it the name ``target``.

    Raises:
        FetchError: if the server cannot be reached, has no such file, breaks off, or sends more than ``MAX_BYTES``.
    """
    unfinished = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with urlopen(Request(url, headers={'User-Agent': 'mmdefusion'}), timeout=TIMEOUT) as response:
            stated = response.headers.get('Content-Length') or ''
            unfinished = unfinished_of(target)  # of its own, since the processes of a training may fetch one file
            with unfinished.open('wb') as file:
                copied = _copy(response, file, url)
        if stated.isdecimal() and copied != int(stated):
            raise FetchError(f'{url} broke off after {copied} of {stated} bytes: try again.')
        return give_name(unfinished, target)
    except HTTPError as error:
        raise FetchError(f'{url} cannot be fetched: its server says {error.code} {error.reason}.') from None
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, FetchError):
            raise
        why = getattr(error, 'reason', None) or error
        raise FetchError(f'{url} cannot be fetched ({why}): without a network, give the path of a file.') from None
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def one_at_a_time(target: Path, what: str) -> Iterator[None]:
    """A context for making a file, in which only one process of this machine is at a time.

    Where a system, a file system or the rights to a folder allow no lock, all are in it at once.

    Args:
        target: the file; its folder is made.
        what: what others wait for, for the line that says so.
    """
    lock = target.with_name(f'.{target.name}.lock')
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, AttributeError):
            lock.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, descriptor)  # gives the lock back
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f'Another process fetches {what}: waiting for it ({lock}).', file=sys.stderr)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            stack.callback(lock.unlink, missing_ok=True)
        yield


def _copy(response: BinaryIO, file: BinaryIO, url: str) -> int:
    copied = 0
    while block := response.read(BLOCK):
        copied += len(block)
        if copied > MAX_BYTES:
            raise FetchError(f'{url} is larger than {MAX_BYTES} bytes, which no checkpoint is.')
        file.write(block)
    return copied
