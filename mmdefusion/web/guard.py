"""What the app lets in: requests that its pages make, of bounded size, with files that were uploaded to it."""

import contextlib
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse

from .forms import FilesOnly
from .hosts import Hosts
from .settings import KEPT, Settings

App = Callable[..., Awaitable[None]]
MEGABYTE, LEAST = 2**20, 2**12  # bytes; a file takes a block of the disk at least
UPLOAD, FILE, EVENT = '/gradio_api/upload', '/gradio_api/file=', '/gradio_api/queue/join'
SENT = {UPLOAD, EVENT, '/gradio_api/cancel', '/gradio_api/reset'}
# what pages ask for; of the rest of gradio's, some fetch what a visitor names, and some tell of other visitors
ASKED = re.compile(
    r'/(config/?|favicon\.ico|manifest\.json|robots\.txt|theme\.css|pwa_icon.*|(assets|static|svelte)/.*)?'
    r'|/gradio_api/(app_id|startup-events|theme\.css|upload_progress|heartbeat/[^/]*|queue/data)'
)


class Refused(Exception):
    """A request is not let in.

    Args:
        status: the status of HTTP that says so.
        why: one line for the visitor.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Guard:
    """ASGI middleware that lets in what the app's own pages ask for and send, and nothing else.

    Args:
        app: the application behind it.
        folder: where uploads and results are.
        hosts: names of the app.
        settings: limits of sizes.
        files: largest number of files that one upload has.
    """

    def __init__(self, app: App, folder: Path, hosts: Hosts, settings: Settings, files: int) -> None:
        self.app = app
        self.folder = folder
        self.hosts = hosts
        self.settings = settings
        self.most = (files * settings.megabytes + 1) * MEGABYTE  # the form around the files is small
        self.coming = self.uploads = 0  # bytes and number of uploads that are under way

    async def __call__(self, scope: dict[str, Any], receive: App, send: App) -> None:
        if scope['type'] == 'lifespan':
            return await self.app(scope, receive, send)
        if scope['type'] != 'http':
            return await send({'type': 'websocket.close'})  # the pages use none
        request = Request(scope, receive)
        try:
            self._check_sender(request)
            if request.method in ('GET', 'HEAD'):
                self._check_asked(scope['path'])
                return await self.app(scope, receive, send)
            if request.method != 'POST' or scope['path'] not in SENT:
                raise Refused(404, 'There is no such page.')
            if scope['path'] == UPLOAD:
                return await self._take_upload(request, scope, receive, send)
            body = await self._read(request)
            self._check_files(body, request)
        except Refused as error:
            return await PlainTextResponse(str(error), error.status)(scope, receive, send)
        return await self.app(scope, _repeat(body, receive), send)

    def _check_sender(self, request: Request) -> None:
        host = request.headers.get('host', '')
        if host not in self.hosts:
            raise Refused(400, 'The app is not known by this name: its operator names it with --names.')
        origin = request.headers.get('origin')
        # browsers leave it out where the app's own pages read, and tell it where others do
        if origin is not None and not self.hosts.allows(origin, host):
            raise Refused(403, 'Pages of other hosts may not use the app: its operator names them with --names.')

    def _check_asked(self, path: str) -> None:
        wanted = path.removeprefix(FILE)
        if not (self._is_ours(wanted) if wanted != path else ASKED.fullmatch(path)):
            raise Refused(404, 'There is no such page.')

    def _is_ours(self, path: str) -> bool:
        """Whether a path leads below the folder, whatever ``..`` it has."""
        return '\0' not in path and self.folder in Path(os.path.abspath(path)).parents

    async def _take_upload(self, request: Request, scope: dict[str, Any], receive: App, send: App) -> None:
        length = request.headers.get('content-length', '')
        if not (length.isascii() and length.isdecimal() and len(length) < 16):
            raise Refused(411, 'An upload must tell its length.')
        if 'transfer-encoding' in request.headers:  # it would win over the length
            raise Refused(411, 'An upload must tell its length, and come in one piece.')
        size = int(length)
        if size > self.most:
            raise Refused(413, f'An upload of {size / MEGABYTE:.0f} MB: {self.most / MEGABYTE:.0f} MB are allowed.')
        self._check_room(size)
        self.coming += size
        self.uploads += 1
        try:
            await self.app(scope, _check_form(request, receive), send)
        finally:
            self.coming -= size
            self.uploads -= 1
            if not self.uploads:  # parts of one that is under way look the same
                _delete_parts(self.folder)

    def _check_room(self, size: int) -> None:
        if self.coming + size + _size_of(self.folder) > self.settings.stored * MEGABYTE:
            raise Refused(507, f'The app holds {self.settings.stored} MB, which is its limit: try again in an hour.')

    async def _read(self, request: Request) -> bytes:
        """The body of a request that is no upload."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MEGABYTE:
                raise Refused(413, 'A request of more than 1 MB: files are uploaded.')
        return bytes(body)

    def _check_files(self, body: bytes, request: Request) -> None:
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            raise Refused(422, 'The request is no JSON.') from None
        if request.scope['path'] == EVENT:
            self._check_room(0)  # for the results
        pages = {'', request.headers.get('host'), urlsplit(request.headers.get('origin', '')).netloc}
        for file in _objects(content):
            path, url = file.get('path'), file.get('url')
            if path is not None and not (isinstance(path, str) and self._is_ours(path)):
                raise Refused(422, f'{_short(path)} was not uploaded: upload the file.')
            if url is not None and not (isinstance(url, str) and _is_page(url, pages)):
                raise Refused(422, f'{_short(url)} is elsewhere: upload the file.')


def _objects(content: Any) -> Iterator[dict[str, Any]]:
    """All objects of a JSON document, however deep."""
    left = [content]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield part
            left += part.values()
        elif isinstance(part, list):
            left += part


def _is_page(url: str, pages: set[str | None]) -> bool:
    """Whether an address is of a file that the app itself serves; pages send it beside the path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ('', 'http', 'https') and parts.netloc in pages and FILE in parts.path


def _check_form(request: Request, receive: App) -> App:
    """Gives the application an upload as it comes, as long as it is one that pages send."""
    form = FilesOnly(request.headers.get('content-type', ''))

    async def receive_checked() -> dict[str, Any]:
        message = await receive()
        try:
            form.feed(message.get('body', b''))
        except ValueError as error:
            raise Refused(422, str(error)) from None
        return message

    return receive_checked


def _delete_parts(folder: Path) -> None:
    """Deletes what uploads leave that broke off; gradio moves those that are whole into folders of their own."""
    for name in os.listdir(folder) if folder.is_dir() else ():
        if os.path.isfile(path := folder / name):
            with contextlib.suppress(OSError):  # still open, on systems where such files cannot be deleted
                os.unlink(path)


def _size_of(folder: Path) -> int:
    """Bytes that a folder's files take; what is there too long, since gradio does not know of it, is deleted."""
    total, oldest = 0, time.time() - 2 * KEPT
    for place, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(place, name)
            with contextlib.suppress(OSError):  # deleted meanwhile
                state = os.lstat(path)
                if max(state.st_ctime, state.st_mtime) < oldest:
                    os.unlink(path)
                else:
                    total += max(state.st_size, LEAST)
    return total


def _short(value: Any) -> str:
    return ascii(value)[:80]


def _repeat(body: bytes, receive: App) -> App:
    """Gives the application the body that was read, then what comes after it."""
    parts = [{'type': 'http.request', 'body': body, 'more_body': False}]

    async def receive_again() -> dict[str, Any]:
        return parts.pop() if parts else await receive()

    return receive_again
