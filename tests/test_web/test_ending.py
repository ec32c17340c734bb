"""The app is ended: nothing that visitors left stays, whatever it is at."""

import _thread
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import pytest

pytest.importorskip('gradio', reason="the app needs gradio: pip install '.[web]'")
import httpx
from helpers.guarded_app import UPLOAD
from helpers.patience import waited

from mmdefusion.web.examples import example


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
    monkeypatch.setattr('os._exit', sys.exit)  # of the tests themselves
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


@pytest.mark.skipif(sys.platform == 'win32', reason='POSIX only')
def test_it_ends_while_it_computes(tmp_path):
    """The thread that computes cannot be stopped; a process that takes itself apart beside it aborts."""
    command = [sys.executable, '-m', 'mmdefusion.web', '--device', 'cpu', '--port', str(free_port())]
    environment = {**os.environ, 'TMPDIR': str(tmp_path)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = re.search(r'http://\S+', process.stdout.readline())[0]
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
            compute(client)
        time.sleep(1)
        process.terminate()
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0 and 'terminate' not in said and 'Traceback' not in said, said
    assert waited(lambda: not list(tmp_path.glob('mmdefusion-web-*')))


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as free:
        return free.getsockname()[1]


def compute(client: httpx.Client) -> None:
    """Lets the app fuse a large pair, and returns once it has begun."""
    config = client.get('/config').json()
    button = next(part['id'] for part in config['components'] if part['props'].get('elem_id') == 'fuse-button')
    event = next(one for one in config['dependencies'] if [button, 'click'] in one['targets'])
    values = {part['id']: part['props'].get('value') for part in config['components']}
    data = [values[part] for part in event['inputs']]
    for place, image in enumerate(example('ivf', 0)):
        png = cv2.imencode('.png', cv2.resize(image, (1600, 1200)))[1].tobytes()
        (path,) = client.post(UPLOAD, files={'files': ('a.png', png)}).json()
        data[place] = {'path': path, 'meta': {'_type': 'gradio.FileData'}}
    body = {'data': data, 'fn_index': event['id'], 'session_hash': 'one'}
    assert client.post('/gradio_api/queue/join', json=body).status_code == 200
    with client.stream('GET', '/gradio_api/queue/data', params={'session_hash': 'one'}) as told:
        for line in told.iter_lines():
            if line.startswith('data:') and json.loads(line[5:])['msg'] == 'process_starts':
                return
