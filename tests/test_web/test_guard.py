"""What the app lets in, asked without a browser: anybody can write such requests."""

import _thread
import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip('gradio', reason="the app needs gradio: pip install 'mmdefusion[web]'")
import httpx

from mmdefusion.web.guard import LEAST, MEGABYTE, Guard
from mmdefusion.web.hosts import Hosts
from mmdefusion.web.settings import Settings

JOIN, UPLOAD = '/gradio_api/queue/join', '/gradio_api/upload'
EVIL = 'http://evil.example'


class Asked:
    """Asks a guarded application, which answers with the number of bytes that it got."""

    def __init__(self, folder: Path, *names: str, host: str = '127.0.0.1', stored: int = 3) -> None:
        self.guard = Guard(self.answer, folder, Hosts(host, names), Settings(megabytes=1, stored=stored), files=2)

    @staticmethod
    async def answer(scope, receive, send) -> None:
        message = await receive()
        while message['more_body']:
            message = {**(more := await receive()), 'body': message['body'] + more['body']}
        await send({'type': 'http.response.start', 'status': 200, 'headers': []})
        await send({'type': 'http.response.body', 'body': b'%d' % len(message['body'])})

    def __call__(self, method: str, path: str, **options) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.guard)
            async with httpx.AsyncClient(transport=transport, base_url='http://localhost:7860') as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())


def file_at(path: object, **more: object) -> dict:
    return dict(data=[dict(path=path, meta={'_type': 'gradio.FileData'}, **more)], fn_index=1, session_hash='a')


@pytest.mark.parametrize(
    'path, url',
    [
        ('http://example.com/a.png', None),
        ('https://example.com/a.png', None),
        ('/etc/passwd', None),
        ('{folder}/../../etc/passwd', None),
        ('{folder}', None),
        ('a.png', None),
        (7, None),
        ('{folder}/a.png', 'http://example.com/a.png'),
        ('{folder}/a.png', 'http://example.com/gradio_api/file=a.png'),
        ('{folder}/a.png', 'data:image/png;base64,aaaa'),
        ('{folder}/a.png', 'http://[bad'),
        (None, 'http://example.com/a.png'),
    ],
)
def test_only_what_was_uploaded_is_used(tmp_path, path, url):
    path = path.format(folder=tmp_path) if isinstance(path, str) else path
    content = file_at(path, url=url)
    for body in (content, dict(data=[[dict(value=content)]])):
        answer = Asked(tmp_path)('POST', JOIN, json=body)
        assert answer.status_code == 422 and 'upload the file' in answer.text and '\n' not in answer.text


def test_what_pages_send_comes_through(tmp_path):
    path = str(tmp_path / 'a.png')
    url = f'http://localhost:7860/gradio_api/file={path}'
    for more in (dict(url=url), dict(url=None), {}):
        request = httpx.Request('POST', 'http://localhost', json=file_at(path, **more))
        answer = Asked(tmp_path)('POST', JOIN, content=request.content)
        assert answer.status_code == 200 and int(answer.text) == len(request.content)


def test_requests_are_bounded(tmp_path):
    asked = Asked(tmp_path)
    assert asked('POST', JOIN, content=b'"' + b'a' * MEGABYTE + b'"').status_code == 413
    assert asked('POST', JOIN, content=b'[' * 200_000).status_code == 422
    assert asked('POST', JOIN, content=b'no json').status_code == 422
    assert asked('POST', UPLOAD, content=bytes(3 * MEGABYTE)).status_code == 200
    assert asked('POST', UPLOAD, content=bytes(3 * MEGABYTE + 1)).status_code == 413

    async def parts():
        yield b'of no stated length'

    assert asked('POST', UPLOAD, content=parts()).status_code == 411
    both = {'content-length': '10', 'transfer-encoding': 'chunked'}  # servers then go by the parts
    assert asked('POST', UPLOAD, content=parts(), headers=both).status_code == 411
    for length in ('-1', '1_0', '١'.encode(), '9' * 5000):
        assert asked('POST', UPLOAD, headers={'content-length': length}).status_code in (411, 413)


def test_the_folder_has_a_total(tmp_path):
    asked = Asked(tmp_path)
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a/a.png').write_bytes(bytes(2 * MEGABYTE))
    assert asked('POST', UPLOAD, content=bytes(MEGABYTE)).status_code == 200
    answer = asked('POST', UPLOAD, content=bytes(MEGABYTE + 1))
    assert answer.status_code == 507 and 'holds 3 MB' in answer.text
    for number in range(MEGABYTE // LEAST + 1):  # small files take room, too
        (tmp_path / str(number)).touch()
    assert asked('POST', JOIN, json={}).status_code == 507
    asked = Asked(tmp_path / 'new')
    asked.guard.coming = 2 * MEGABYTE  # of others, at the same time
    assert asked('POST', UPLOAD, content=bytes(MEGABYTE + 1)).status_code == 507
    assert asked('POST', UPLOAD, content=bytes(MEGABYTE)).status_code == 200 and asked.guard.coming == 2 * MEGABYTE


@pytest.mark.parametrize(
    'host, names, header, status',
    [
        ('127.0.0.1', (), 'evil.example:7860', 400),
        ('127.0.0.1', (), 'localhost.evil.example', 400),
        ('127.0.0.1', (), '127.0.0.1.evil.example', 400),
        ('127.0.0.1', (), '', 400),
        ('127.0.0.1', (), '[bad', 400),
        ('127.0.0.1', (), '127.0.0.1:7860', 200),
        ('127.0.0.1', (), '[::1]:7860', 200),
        ('lab.example', (), 'LAB.example:7860', 200),
        ('0.0.0.0', (), '192.168.0.7:7860', 200),
        ('0.0.0.0', (), 'evil.example', 400),
        ('0.0.0.0', ('fusion.example',), 'fusion.example', 200),
    ],
)
def test_other_names_are_refused(tmp_path, host, names, header, status):
    answer = Asked(tmp_path, *names, host=host)('GET', '/config', headers=dict(host=header))
    assert answer.status_code == status and ('--names' in answer.text) == (status == 400)


@pytest.mark.parametrize(
    'origin, status',
    [
        (EVIL, 403),
        ('null', 403),
        ('http://localhost:3000', 403),
        ('http://localhost:7860.evil.example', 403),
        ('http://[bad', 403),
        ('http://localhost:7860', 200),
        ('https://fusion.example', 200),
    ],
)
def test_other_pages_send_nothing(tmp_path, origin, status):
    for path in (UPLOAD, JOIN):
        answer = Asked(tmp_path, 'fusion.example')('POST', path, headers=dict(origin=origin), json={})
        assert answer.status_code == status


@pytest.mark.parametrize(
    'method, path',
    [
        ('GET', '/monitoring'),
        ('GET', '/monitoring/summary'),
        ('GET', '/openapi.json'),
        ('GET', '/gradio_api/openapi.json'),
        ('GET', '/gradio_api/runs'),
        ('GET', '/gradio_api/run-history/buckets'),
        ('POST', '/gradio_api/run-history/connect'),
        ('GET', '/gradio_api/proxy=https://a.hf.space/a'),
        ('GET', '/gradio_api/deep_link'),
        ('GET', '/gradio_api/file=http://example.com/a.png'),
        ('GET', '/gradio_api/file=/etc/passwd'),
        ('GET', '/gradio_api/file/etc/passwd'),
        ('POST', '/gradio_api/run/predict'),
        ('POST', '/gradio_api/call/predict'),
        ('POST', '/gradio_api/component_server'),
        ('DELETE', '/gradio_api/upload'),
    ],
)
def test_nothing_else_is_offered(tmp_path, method, path):
    assert Asked(tmp_path)(method, path).status_code == 404


@pytest.fixture
def looked_up(monkeypatch) -> list[str]:
    """The names that the process looks up in the network."""
    asked, look_up = [], socket.getaddrinfo
    monkeypatch.setattr(
        socket, 'getaddrinfo', lambda host, *rest, **more: (asked.append(str(host)), look_up(host, *rest, **more))[1]
    )
    return asked


@pytest.fixture
def served(tmp_path, monkeypatch) -> Iterator[httpx.Client]:
    """An app whose temporary folder is reached by a link, as on macOS and many clusters."""
    from mmdefusion.web import serve

    (tmp_path / 'real').mkdir()
    (tmp_path / 'link').symlink_to('real')
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path / 'link'))
    app = serve(Settings(megabytes=1), port=None, block=False)
    with httpx.Client(base_url=app.local_url, trust_env=False, timeout=30) as client:
        yield client
    app.close(verbose=False)
    app.uploads.cleanup()


def test_the_app_has_the_guard_and_gradio_fetches_nothing(served, looked_up):
    from gradio import blocks, processing_utils

    for method, path, more, status in (
        ('GET', '/', {}, 200),
        ('GET', '/config', {}, 200),
        ('GET', '/config', dict(headers=dict(host='evil.example')), 400),
        ('POST', UPLOAD, dict(headers=dict(origin=EVIL), files={'files': b'x'}), 403),
        ('POST', UPLOAD, dict(files=[('files', (f'{n}.png', bytes(MEGABYTE), 'image/png')) for n in range(10)]), 413),
        ('POST', UPLOAD, dict(files={'files': ('a.png', b'x')}), 200),
        ('POST', JOIN, dict(json=file_at('http://example.com/a.png')), 422),
    ):
        answer = served.request(method, path, **more)
        assert answer.status_code == status, answer.text
        assert 'content-security-policy' in answer.headers
    (path,) = served.post(UPLOAD, files={'files': ('a.png', b'x')}).json()
    assert served.get(f'/gradio_api/file={path}').content == b'x'
    assert served.post(JOIN, json=file_at(path)).status_code != 422
    with pytest.raises(ValueError, match='fetches nothing'):
        asyncio.run(blocks.Block().async_move_resource_to_block_cache('http://example.com/a.png'))
    with pytest.raises(ValueError, match='fetches nothing'):
        blocks.Block().move_resource_to_block_cache('http://example.com/a.png')
    with pytest.raises(ValueError, match='fetches nothing'):
        processing_utils.ssrf_protected_download('http://example.com/a.png', 'cache')
    assert not [name for name in looked_up if 'example' in name]


@pytest.mark.skipif(not hasattr(signal, 'SIGHUP'), reason='POSIX only')
@pytest.mark.parametrize('number', ['SIGTERM', 'SIGHUP'])
def test_pictures_go_when_a_service_manager_ends_the_app(monkeypatch, tmp_path, number, capsys):
    from mmdefusion.web import __main__

    before = {name: signal.getsignal(getattr(signal, name)) for name in ('SIGTERM', 'SIGHUP')}
    for name in before:  # the tests themselves may run under nohup, which has SIGHUP ignored
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(sys, 'argv', ['mmdefusion-web', '--port', str(port)])
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    left: list[list[Path]] = []

    def end() -> None:
        patience = time.monotonic() + 60
        while 'Ctrl+C' not in shown() and time.monotonic() < patience:
            time.sleep(0.05)
        (left_folders()[0] / 'picture.png').write_bytes(b'private')
        left.append(left_folders())
        os.kill(os.getpid(), getattr(signal, number))
        if not gone.wait(30):
            _thread.interrupt_main()  # the test fails, where it would wait for ever

    printed, gone = '', threading.Event()

    def shown() -> str:
        nonlocal printed
        printed += capsys.readouterr().out
        return printed

    def left_folders() -> list[Path]:
        return list(tmp_path.glob('mmdefusion-web-*'))

    ender = threading.Thread(target=end, daemon=True)
    try:
        ender.start()
        with pytest.raises(SystemExit) as ended:
            __main__.main()
    finally:
        gone.set()
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
    assert ended.value.code == 0 and left[0] and not left_folders()
