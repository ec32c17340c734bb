"""What the app lets in, asked without a browser: anybody can write such requests."""

import asyncio
import socket

import pytest

pytest.importorskip('gradio', reason="the app needs gradio: pip install '.[web]'")
import httpx
from helpers.guarded_app import UPLOAD, Asked

from mmdefusion.web.guard import LEAST, MEGABYTE
from mmdefusion.web.hosts import Hosts
from mmdefusion.web.settings import Settings

JOIN = '/gradio_api/queue/join'
EVIL = 'http://evil.example'


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


@pytest.mark.parametrize('name', ['fusion.example:8443', 'https://fusion.example', 'fusion.example/', '*.example', ''])
def test_names_that_no_browser_tells_are_refused(name):
    with pytest.raises(ValueError, match='is no name of a host: leave out https://, port and path'):
        Settings(names=('lab.example', name))
    Settings(names=('lab.example', 'node_7', '::1', 'xn--mnchen-3ya.example'))


@pytest.mark.parametrize('host', ['127.0.0.1', 'lab.example', '0.0.0.0'])
def test_other_ports_of_the_machine_are_other_pages(host):
    page = f'http://{socket.gethostname() if host == "0.0.0.0" else host}'
    for netloc in ('127.0.0.1:7860', 'localhost:7860', f'{host}:7860'):
        assert not Hosts(host).allows(f'{page}:9999', netloc)
        assert not Hosts(host, ['fusion.example']).allows(f'{page}:9999', netloc)
        assert Hosts(host).allows(f'http://{netloc}', netloc)
    assert Hosts(host, ['lab.example']).allows('https://lab.example', '127.0.0.1:7860')


@pytest.mark.parametrize(
    'origin, status',
    [
        (EVIL, 403),
        ('null', 403),
        ('http://localhost:3000', 403),
        ('http://127.0.0.1:9999', 403),
        ('http://localhost:7860.evil.example', 403),
        ('http://[bad', 403),
        ('http://localhost:7860', 200),
        ('https://fusion.example', 200),
    ],
)
def test_other_pages_send_and_read_nothing(tmp_path, origin, status):
    asked = Asked(tmp_path, 'fusion.example')
    for host in ('localhost:7860', '127.0.0.1:7860', 'fusion.example'):
        headers = dict(origin=origin.replace('localhost:7860', host) if status == 200 else origin, host=host)
        for path in (UPLOAD, JOIN):
            assert asked('POST', path, headers=headers, json={}).status_code == status
        for method, path in (('GET', '/config'), ('HEAD', '/'), ('GET', f'/gradio_api/file={tmp_path}/a.png')):
            assert asked(method, path, headers=headers).status_code == status


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


def test_pages_elsewhere_read_no_answers(tmp_path, monkeypatch):
    from mmdefusion.web import serve

    app = serve(Settings(names=('fusion.example',)), port=None, block=False)
    headers = {'host': 'fusion.example', 'origin': EVIL}
    assert httpx.get(f'{app.local_url}config', headers=headers, trust_env=False).status_code == 403
    headers['origin'] = 'https://fusion.example'
    assert httpx.get(f'{app.local_url}config', headers=headers, trust_env=False).status_code == 200
    app.close(verbose=False)
    app.uploads.cleanup()
