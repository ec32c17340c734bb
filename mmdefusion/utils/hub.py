"""Files of the Hugging Face Hub by name: ``hf://owner/repo/file``. Nothing of it is imported before one is named.

Downloading, access and the cache are huggingface_hub's, so what ``hf download`` fetched is found without a network.
What a hub sends is data: its size is bounded, and its content is compared with the hash that the hub told.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

from . import downloads
from .compat import missing_extra
from .downloads import DamagedError, FetchError
from .hashes import git_hash_of, sha256_of

SCHEME = 'hf://'
NAME = re.compile(r'hf://([^/@]+/[^/@]+)(?:@([^/]+))?/(.+)')
PAGE = re.compile(r'/([^/]+/[^/]+)/(?:resolve|blob)/([^/]+)/([^?#]+)')  # behind the hub's address
SHA1, SHA256 = 40, 64  # hexadecimal digits


@dataclass(frozen=True)
class HubFile:
    """A file in a repository of a hub; ``revision`` is a branch, a tag or a commit, None the newest state."""

    repo: str
    path: str
    revision: str | None = None


def endpoint() -> str:
    """The address of the hub: that of ``HF_ENDPOINT``, which names a mirror, or the public one."""
    return (os.environ.get('HF_ENDPOINT') or 'https://huggingface.co').rstrip('/')


def parse(name: str) -> HubFile | None:
    """The file that a name or the address of its page means; None if it is no file of a hub.

    Args:
        name: ``hf://owner/repo/file``, ``hf://owner/repo@revision/file``, or a page's address in the hub, such as
            ``https://huggingface.co/owner/repo/blob/main/file``.

    Raises:
        FetchError: if it begins as one of a hub and has another form.
    """
    if name.startswith(SCHEME):
        if not (found := NAME.fullmatch(name)):
            raise FetchError(
                f'{name} is no file of a hub: write hf://OWNER/REPO/FILE or hf://OWNER/REPO@REVISION/FILE.'
            )
        repo, revision, path = found.groups()
    elif name.startswith(f'{endpoint()}/') and (found := PAGE.match(name, len(endpoint()))):
        repo, revision, path = found.groups()
        path = unquote(path)
    else:
        return None
    return HubFile(repo, path, revision and unquote(revision))


def fetch(file: HubFile) -> Path:
    """The path of a file in huggingface_hub's cache, fetched if it is not the newest there, and compared with its hash.

    Raises:
        FetchError: if huggingface_hub is not installed, the hub has no such file or cannot be reached and the cache
            has none, the file is too large, or it is not what the hub says it is.
    """
    name = f'{file.repo}/{file.path}'
    hub = _library(name)
    try:
        path = hub.hf_hub_download(
            file.repo, file.path, revision=file.revision, endpoint=endpoint(), tqdm_class=_bounded(hub, name)
        )
    except FetchError:
        raise
    except Exception as error:  # those of huggingface_hub, of its HTTP library and of the disk
        raise FetchError(_why(error, file, hub)) from None
    return _compared(Path(path), file, hub)


def _library(name: str) -> ModuleType:
    try:
        import huggingface_hub
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ModuleNotFoundError:
        raise FetchError(
            f'{name} is on a hub, and {missing_extra("hub", "huggingface_hub")}, or give the path of a file.'
        ) from None
    return huggingface_hub


def _bounded(hub: ModuleType, name: str) -> type:
    """A progress bar that stops a download which grows beyond what was announced, or beyond ``MAX_BYTES``."""

    class Bounded(hub.utils.tqdm):
        def __init__(self, *args: object, **kwargs: object) -> None:
            self.limit = min(kwargs.get('total') or downloads.MAX_BYTES, downloads.MAX_BYTES)
            self.arrived = 0
            if (kwargs.get('total') or 0) > downloads.MAX_BYTES:
                self._refuse()
            super().__init__(*args, **kwargs)

        def update(self, n: float | None = 1) -> bool | None:
            self.arrived += n or 0
            if self.arrived > self.limit:
                self._refuse()
            return super().update(n)

        def _refuse(self) -> None:
            raise FetchError(f'{name} sends more than it announced, or than {downloads.MAX_BYTES} bytes.')

    return Bounded


def _why(error: Exception, file: HubFile, hub: ModuleType) -> str:
    """One line for an error of huggingface_hub."""
    errors = hub.errors
    if isinstance(error, errors.LocalEntryNotFoundError):
        return (
            f'{endpoint()} cannot be reached, and {file.path} of {file.repo} is not in the cache: where there is a '
            f'network, run `hf download {file.repo} {file.path}`, or give the path of a file.'
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return f'{endpoint()} has no repository {file.repo} for you: check its name, or log in by `hf auth login`.'
    if isinstance(error, errors.RevisionNotFoundError):
        return f'{file.repo} has no revision {file.revision}: name a branch, a tag or a commit of it.'
    if isinstance(error, errors.EntryNotFoundError):
        return f'{file.repo} has no file {file.path} in revision {file.revision or "main"}: check its name.'
    return f'{file.repo}/{file.path} cannot be fetched: {" ".join(str(error).split())[:200] or type(error).__name__}'


def _compared(path: Path, file: HubFile, hub: ModuleType) -> Path:
    """The path of a file of the cache, once its content is compared with the hash that the hub told.

    Raises:
        FetchError: if it told no hash; a DamagedError if it told another one than the content has.
    """
    name = f'{file.repo}/{file.path}'
    content = path.resolve()
    told = content.name if content.parent.name == 'blobs' else _asked(path, file, hub)
    if not re.fullmatch(f'[0-9a-f]{{{SHA1}}}|[0-9a-f]{{{SHA256}}}', told):
        raise FetchError(f'{name}: there is no hash to compare {path} with; give this path if you trust it.')
    with content.open('rb') as opened:
        found = sha256_of(opened) if len(told) == SHA256 else git_hash_of(opened, content.stat().st_size)
    if found != told:
        raise DamagedError(
            f'{name} is damaged or was changed: its hash begins {found[:8]}, the hub says {told[:8]}. Remove '
            f'{content} and fetch it again.'
        )
    return path


def _asked(path: Path, file: HubFile, hub: ModuleType) -> str:
    """The hash that the hub tells of a file, whose cache has no symbolic links and so names no content by it.

    Raises:
        FetchError: if the hub does not answer.
    """
    commit = path.parents[len(Path(file.path).parts) - 1].name  # snapshots/COMMIT/PATH
    try:
        url = hub.hf_hub_url(file.repo, file.path, revision=commit, endpoint=endpoint())
        return hub.get_hf_file_metadata(url).etag or ''
    except Exception as error:  # those of huggingface_hub and of its HTTP library
        why = ' '.join(str(error).split())[:200] or type(error).__name__
        raise FetchError(
            f'{file.repo}/{file.path} is in a cache without symbolic links, which keeps no hash, and {endpoint()} does '
            f'not tell it ({why}): give {path} if you trust it.'
        ) from None
