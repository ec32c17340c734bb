"""Forms that no page sends, and uploads that break off: nothing of them stays."""

import os
import socket
import time
from pathlib import Path

import pytest

pytest.importorskip('gradio', reason="the app needs gradio: pip install '.[web]'")
from helpers.guarded_app import UPLOAD, Asked
from helpers.patience import waited

from mmdefusion.web.app import build_app
from mmdefusion.web.guard import MEGABYTE

PART = {'data': 'form-data; name="files"; filename="a.png"', 'other field': 'form-data; name="x"; filename="a.png"'}
PART |= {'no file': 'form-data; name="files"', 'no name': 'form-data; filename="a.png"', 'long': 'a' * 10_000}


@pytest.mark.parametrize('kind, status', [(kind, 200 if kind == 'data' else 422) for kind in PART])
@pytest.mark.parametrize('place', [0, 1], ids=['first', 'second'])
def test_forms_have_files_only(tmp_path, kind, status, place):
    parts = [PART['data'], PART['data']]
    parts[place] = PART[kind]
    body = b''.join(b'--b\r\nContent-Disposition: %s\r\n\r\nx\r\n' % part.encode() for part in parts) + b'--b--\r\n'

    async def pieces():  # which end anywhere
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    headers = {'content-type': 'multipart/form-data; boundary=b', 'content-length': str(len(body))}
    asked = Asked(tmp_path)
    answer = asked('POST', UPLOAD, content=pieces(), headers=headers)
    assert answer.status_code == status and '\n' not in answer.text and asked.guard.coming == asked.guard.uploads == 0


def test_parts_of_other_uploads_stay(tmp_path):
    (tmp_path / 'tmp1').touch()
    asked = Asked(tmp_path)
    asked.guard.uploads = 1
    assert asked('POST', UPLOAD, content=b'x').status_code == 200 and (tmp_path / 'tmp1').exists()
    asked.guard.uploads = 0
    assert asked('POST', UPLOAD, content=b'x').status_code == 200 and not (tmp_path / 'tmp1').exists()


def test_what_gradio_forgets_is_deleted(tmp_path, monkeypatch):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a/early.png').write_bytes(bytes(2 * MEGABYTE))
    asked = Asked(tmp_path)
    assert asked('POST', UPLOAD, content=bytes(MEGABYTE + 1)).status_code == 507
    later = time.time() + 3 * 3600
    monkeypatch.setattr('time.time', lambda: later)
    (tmp_path / 'a/late.png').touch()
    os.utime(tmp_path / 'a/late.png', (later, later))
    assert asked('POST', UPLOAD, content=bytes(MEGABYTE + 1)).status_code == 200
    assert [file.name for file in (tmp_path / 'a').iterdir()] == ['late.png']


def test_no_upload_that_breaks_off_is_kept(served, tmp_path):
    def parts() -> list[Path]:
        return [path for path in (tmp_path / 'real').rglob('*') if path.is_file()]

    answer = served.post(UPLOAD, files={'other': ('a.png', b'x')})
    assert answer.status_code == 422 and 'upload files' in answer.text and not parts()
    head = f'POST {UPLOAD} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n'
    head += 'Content-Type: multipart/form-data; boundary=b\r\n\r\n'
    head += '--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    with socket.create_connection((served.base_url.host, served.base_url.port)) as client:
        client.sendall(head.encode() + bytes(400_000))
        assert waited(parts)
    assert waited(lambda: not parts())
    assert served.post(UPLOAD, files={'files': ('a.png', b'x')}).status_code == 200 and len(parts()) == 1


def test_fields_that_are_no_files_take_no_memory(served):
    """A form of 8 MB in one field is refused at its first part."""
    answer = served.post(UPLOAD, data={'x': 'a' * 8 * MEGABYTE}, files={'files': ('a.png', b'x')})
    assert answer.status_code == 422


def test_pictures_are_looked_for_more_often_than_they_are_kept():
    often, kept = build_app().delete_cache
    assert kept == 3600 and often <= 300
