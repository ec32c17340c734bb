"""Where a checkpoint lies on this machine, whatever names it."""

import hashlib
import os
import re
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlparse

from torch.hub import get_dir

from mmdefusion.utils import hub
from mmdefusion.utils.downloads import DamagedError, FetchError, download, one_at_a_time
from mmdefusion.utils.hashes import sha256_of

from .errors import CheckpointError, NotFetchedError
from .shipped import named

FETCHED = ('hf://', 'http://', 'https://')
HASHED = re.compile(r'-([0-9a-f]{8})\.(pth|pt|safetensors)')


def local_path(source: str | os.PathLike) -> Path:
    """The path of a checkpoint: of a file, of weights that come with the package, or of what is fetched first.

    Args:
        source: a path; a name such as ``'tiny'``, unless there is a file of it; ``hf://owner/repo/file`` or a page of
            the Hugging Face Hub, kept in its cache; or a URL, kept in torch's hub folder.

    Raises:
        NotFetchedError: if it cannot be fetched.
    """
    name = str(source)
    try:
        if file := hub.parse(name):
            return hub.fetch(file)
        if name.startswith(FETCHED):
            return _downloaded(name)
    except DamagedError as error:
        raise CheckpointError(str(error)) from None
    except FetchError as error:
        raise NotFetchedError(str(error)) from None
    files = named()
    return files[name] if name in files and not os.path.isfile(name) else Path(source)


def hash_weights(source: str | os.PathLike) -> str:
    """The SHA-256 of a checkpoint, of whatever :func:`local_path` takes."""
    with local_path(source).open('rb') as file:
        return sha256_of(file)


def check_named_hash(file: BinaryIO, path: Path, name: str) -> None:
    """Compares the SHA-256 of an open file with its beginning in the name of a published file.

    Raises:
        CheckpointError: if they differ.
    """
    if (told := _named_hash(path)) is None:
        return
    digest = sha256_of(file)
    file.seek(0)
    if not digest.startswith(told):
        raise CheckpointError(
            f'{name} is damaged or was changed: its SHA-256 begins {digest[:8]}, its name says {told}. Remove {path} '
            'and fetch it again, or rename it if the name means something else.'
        )


def _named_hash(path: Path) -> str | None:
    """The hash in a name; a date of eight digits is none."""
    found = HASHED.fullmatch(path.name[-len('-00000000') - len(path.suffix) :])
    return found[1] if found and not _is_date(found[1]) else None


def _is_date(text: str) -> bool:
    try:
        return 1990 <= datetime.strptime(text, '%Y%m%d').year < 2100
    except ValueError:
        return False


def _downloaded(url: str) -> Path:
    """The path of a URL's file in torch's hub folder, fetched if it is not there.

    Names without a hash may stand for any content, so these are kept apart by their whole URL.
    """
    try:
        path = Path(unquote(urlparse(url).path))
    except ValueError as error:
        raise FetchError(f'{url} is no URL: {error}.') from None
    if not path.name:
        raise FetchError(f'{url} names no file.')
    folder = Path(get_dir()) / 'checkpoints'
    if not _named_hash(path):
        folder = folder / hashlib.sha256(url.encode()).hexdigest()[:16]
    target = folder / path.name
    if not target.is_file():
        with one_at_a_time(target, url):
            if not target.is_file():  # another process of this training may have fetched it meanwhile
                _fetch(url, target)
    return target


def _fetch(url: str, target: Path) -> None:
    download(url, target)
    try:
        with target.open('rb') as file:
            check_named_hash(file, target, url)
    except CheckpointError:
        target.unlink()
        raise
