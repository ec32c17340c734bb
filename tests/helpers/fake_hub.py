"""A server on this machine that answers as the Hugging Face Hub does, and as an ordinary one."""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

COMMIT = '0123456789abcdef0123456789abcdef01234567'


@dataclass
class Served:
    """A file of the server.

    Attributes:
        content: what is announced, and sent unless ``sent`` differs.
        sent: what is sent instead.
        lfs: whether the hub keeps it outside git, and names it by its SHA-256.
        etag: a name other than its hash.
    """

    content: bytes
    sent: bytes | None = None
    lfs: bool = True
    etag: str | None = None

    @property
    def name(self) -> str:
        git = hashlib.sha1(b'blob %d\0' % len(self.content) + self.content).hexdigest()
        return self.etag or (hashlib.sha256(self.content).hexdigest() if self.lfs else git)


@dataclass
class FakeHub:
    """The server's address, its files by ``owner/repo/file``, and what it was asked for."""

    address: str
    files: dict[str, Served] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """A server for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_HEAD(self) -> None:
            self.answer(whole=False)

        def do_GET(self) -> None:
            self.answer(whole=True)

        def answer(self, whole: bool) -> None:
            hub.asked.append(f'{self.command} {self.path}')
            owner, repo, *rest = self.path.split('?')[0].strip('/').split('/')
            if rest[:1] == ['resolve']:
                revision, rest = rest[1], rest[2:]
                if not any(name.startswith(f'{owner}/{repo}/') for name in hub.files):
                    return self.refuse('RepoNotFound')
                if revision not in ('main', COMMIT):
                    return self.refuse('RevisionNotFound')
            served = hub.files.get('/'.join([owner, repo, *rest]))
            if served is None:
                return self.refuse('EntryNotFound')
            content = served.content if served.sent is None or not whole else served.sent
            self.send_response(200)
            self.send_header('X-Repo-Commit', COMMIT)
            self.send_header('ETag', f'"{served.name}"')
            self.send_header('X-Linked-Etag', f'"{served.name}"')
            self.send_header('X-Linked-Size', str(len(served.content)))
            if len(content) == len(served.content):
                self.send_header('Content-Length', str(len(content)))
            else:  # as a server that does not say when it ends
                self.send_header('Connection', 'close')
            self.end_headers()
            if whole:
                with contextlib.suppress(ConnectionError):  # a reader that has had enough
                    self.wfile.write(content)
            self.close_connection = len(content) != len(served.content)

        def refuse(self, code: str) -> None:
            self.send_response(404)
            self.send_header('X-Error-Code', code)
            self.send_header('Content-Length', '0')
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        hub = FakeHub(f'http://127.0.0.1:{server.server_port}')
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield hub
        finally:
            server.shutdown()
