"""Importing, fusing, training and testing ask nothing of the network."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.pretraining import write_images, write_teacher

TESTS = Path(__file__).resolve().parents[1]
NO_NETWORK = """
import sys
def refuse(event, arguments):
    if event in ('socket.getaddrinfo', 'socket.gethostbyname', 'socket.sendto', 'urllib.Request'):
        raise AssertionError(f'{event} {arguments}')
    if event in ('socket.connect', 'socket.bind') and isinstance(arguments[1], tuple):  # not paths, which are local
        raise AssertionError(f'{event} {arguments}')
sys.addaudithook(refuse)
"""
SCRIPT = """
import numpy as np
from pathlib import Path
from mmengine.runner import Runner
from mmdefusion import FusionInferencer
import mmdefusion.models.registered, mmdefusion.datasets.registered, mmdefusion.engine, mmdefusion.evaluation.metrics
from mmdefusion.experiments import benchmark
from helpers.pretraining import joint_config

pictures = [np.full((48, 64, 3), value, np.uint8) for value in (60, 200)]
FusionInferencer(device='cpu', show_progress=False)([pictures[0]], [pictures[1]])
runner = Runner.from_cfg(joint_config(Path(sys.argv[1]), max_iters=2))
runner.train()
print('scores', runner.val())
"""


def run(script: str, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, '-c', NO_NETWORK + script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=TESTS)


@pytest.mark.slow
def test_no_network_is_needed(tmp_path):
    write_images(tmp_path / 'vi', 4)
    write_images(tmp_path / 'ir', 4, seed=1)
    write_teacher(tmp_path / 'teacher.pth')
    result = run(f'sys.path.insert(0, {str(TESTS)!r})' + SCRIPT, tmp_path)
    assert result.returncode == 0, (result.stdout + result.stderr)[-3000:]
    assert "'fused/psnr" in result.stdout


@pytest.mark.parametrize(
    'script',
    [
        'import urllib.request; urllib.request.urlopen("http://localhost:9")',
        'import socket; socket.create_connection(("127.0.0.1", 9))',
    ],
)
def test_the_network_is_shut(script):
    result = run(script)
    assert result.returncode and 'AssertionError' in result.stderr
