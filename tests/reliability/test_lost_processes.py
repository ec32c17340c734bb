"""A process of several that dies or hangs, torchrun's restart, and a worker of a data loader that dies."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from helpers.toy_run import toy_config

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / 'configs/_base_/detection_runtime.py'
TRAIN = ROOT / 'tools/train.py'
PATHS = os.pathsep.join([str(ROOT), str(ROOT / 'tests')])
ENV = os.environ | {'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '-1', 'PYTHONPATH': PATHS}
pytestmark = pytest.mark.slow


def write_config(work_dir: Path, trouble: int | None = None, **options) -> Path:
    hooks = [dict(type='SignalHook', signal=trouble, marker=str(work_dir.with_suffix('.done')))] if trouble else []
    imports = dict(custom_imports=dict(imports=['helpers.toy_trouble']), custom_hooks=hooks)
    config = toy_config(work_dir, RUNTIME, 10, **imports, **options)
    path = work_dir.with_suffix('.py')
    config.dump(path)
    return path


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return str(probe.getsockname()[1])


def start(config: Path, rank: int, port: str) -> subprocess.Popen:
    """One of two processes, with nobody who would end it when the other is gone."""
    address = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=port, WORLD_SIZE='2', RANK=str(rank), LOCAL_RANK=str(rank))
    command = [sys.executable, str(TRAIN), str(config), '--launcher', 'pytorch']
    return subprocess.Popen(command, env=ENV | address, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def dist_train(config: Path, restarts: int) -> subprocess.CompletedProcess:
    env = ENV | dict(PORT=free_port(), RESTARTS=str(restarts), PATH=f'{Path(sys.executable).parent}:{ENV["PATH"]}')
    command = ['bash', str(ROOT / 'tools/dist_train.sh'), str(config), '2', '--resume']
    return subprocess.run(command, env=env, capture_output=True, text=True)


@pytest.mark.parametrize('trouble', [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.soak)])
def test_the_other_process_ends_with_a_message(tmp_path, trouble):
    config = write_config(tmp_path / 'run', int(trouble), env_cfg=dict(dist_cfg=dict(timeout=20)))
    port = free_port()
    first, second = (start(config, rank, port) for rank in (0, 1))
    try:
        while not (tmp_path / 'run.done').exists() and first.poll() is None:
            time.sleep(0.1)
        printed, _ = first.communicate(timeout=60)
    finally:
        second.kill()
        second.wait()
    assert first.returncode == 1
    last = printed.strip().splitlines()[-1]
    assert 'another process of this training has died, or did not answer within 20 s' in last and '--resume' in last
    assert (tmp_path / 'run/iter_4.pth').is_file()


@pytest.mark.soak
def test_torchrun_starts_again_and_resumes(tmp_path):
    states = []
    for name, trouble in (('killed', int(signal.SIGKILL)), ('whole', None)):
        result = dist_train(write_config(tmp_path / name, trouble), restarts=1)
        assert result.returncode == 0, result.stderr[-3000:]
        assert bool(re.search('resumed epoch: 0, iter: 4', result.stdout + result.stderr)) == (name == 'killed')
        states.append(torch.load(tmp_path / name / 'iter_10.pth')['state_dict'])
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


def test_a_worker_that_dies_is_named_and_the_run_resumes(tmp_path):
    states = []
    for name in ('killed', 'whole'):
        dataset = dict(type='DeadlyDataset', marker=str(tmp_path / 'done'))
        loader = dict(num_workers=2, persistent_workers=True, dataset=dataset)
        config = write_config(tmp_path / name, train_dataloader=loader)
        command = [sys.executable, str(TRAIN), str(config), '--resume']
        if name == 'killed':
            first = subprocess.run(command, env=ENV, capture_output=True, text=True)
            assert first.returncode == 1, (first.stdout + first.stderr)[-3000:]
            assert re.search(r'DataLoader worker \(pid.* is killed by signal: Killed', first.stderr)
        result = subprocess.run(command, env=ENV, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr[-3000:]
        states.append(torch.load(tmp_path / name / 'iter_10.pth')['state_dict'])
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name
