"""A training that goes on with another number of processes than it began with."""

import os
import socket
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from reliability import runs
from torch.testing import assert_close

PATHS = os.pathsep.join([str(runs.ROOT), str(runs.ROOT / 'tests')])
ENV = os.environ | {'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '-1', 'PYTHONPATH': PATHS}
BATCH = 4  # of all processes together
PHASES = ((1, 2), (2, 4), (1, 6))  # processes, last iteration


def train_until(config: Config, processes: int, last: int, folder: Path) -> str:
    """Starts or goes on in the folder's work dir; returns what was printed."""
    config.work_dir, config.train_cfg.max_iters = str(folder), last
    loaders = config.train_dataloader
    for loader in [loaders] if 'dataset' in loaders else loaders.values():
        loader.batch_size = BATCH // processes
    config.dump(folder.with_suffix('.py'))
    command = [sys.executable, str(runs.OURS)]
    if processes > 1:
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = str(probe.getsockname()[1])
        command = [sys.executable, '-m', 'torch.distributed.run', f'--nproc_per_node={processes}']
        command += [f'--master_port={port}', str(runs.OURS)]
    command += [str(folder.with_suffix('.py')), '--resume', *(['--launcher', 'pytorch'] if processes > 1 else [])]
    result = subprocess.run(command, env=ENV, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout + result.stderr


@pytest.mark.soak
def test_a_detector_gets_the_weights_of_one_process(tmp_path):
    """One process, two, and one again: nothing is random here but the order of the images."""
    _, config = runs.detection(tmp_path, tmp_path, PHASES[-1][1])
    config.train_dataloader.update(num_workers=0, persistent_workers=False)
    steps = config.train_dataloader.dataset.pipeline
    config.train_dataloader.dataset.pipeline = [step for step in steps if step.type != 'RandomFlip']
    config.custom_imports = dict(imports=['dump_every_rank'])
    config.custom_hooks = [*config.get('custom_hooks', ()), dict(type='DropNothing')]
    config.optim_wrapper.optimizer = dict(type='SGD', lr=0.1, momentum=0.9)  # Adam makes steps of rounding errors
    config.default_hooks.checkpoint.update(interval=2, max_keep_ckpts=-1)
    train_until(config, 1, PHASES[-1][1], tmp_path / 'whole')
    for processes, last in PHASES:
        printed = train_until(config, processes, last, tmp_path / 'changed')
        assert last == PHASES[0][1] or f'resumed epoch: 0, iter: {last - 2}' in printed
    before = None
    for _, last in PHASES:
        whole, changed = (
            torch.load(tmp_path / name / f'iter_{last}.pth')['state_dict'] for name in ('whole', 'changed')
        )
        difference = max(float((whole[name] - changed[name]).abs().max()) for name in whole)
        moved = before and max(float((whole[name] - before[name]).abs().max()) for name in whole)
        print(f'iteration {last}: weights differ by {difference:.1e}, have moved by {moved or 0:.1e}')
        assert_close(changed, whole, rtol=0, atol=1e-5)
        assert before is None or moved > 1e-3  # else nothing would differ
        before = whole


@pytest.mark.soak
def test_a_pretraining_sees_the_images_of_one_process(tmp_path):
    """Views are sampled by each process for itself, so weights differ; images and turns do not."""
    _, config = runs.pretraining(tmp_path, tmp_path, PHASES[-1][1])
    config.custom_imports = dict(imports=['dump_every_rank'])
    config.custom_hooks.append(dict(type='DumpEveryRank'))

    def seen(folder: Path, processes: int) -> list[list[str]]:
        """The images of each iteration of the last run."""
        by_rank = [torch.load(folder / f'rank_{rank}.pth')['paths'] for rank in range(processes)]
        return [sorted(chain.from_iterable(together)) for together in zip(*by_rank, strict=True)]

    config.custom_hooks[-1]['folder'] = str(tmp_path / 'whole')
    train_until(config, 1, PHASES[-1][1], tmp_path / 'whole')
    config.custom_hooks[-1]['folder'] = str(tmp_path / 'changed')
    config.default_hooks.checkpoint.interval = 2
    found = []
    for processes, last in PHASES:
        train_until(config, processes, last, tmp_path / 'changed')
        found += seen(tmp_path / 'changed', processes)
    assert found == seen(tmp_path / 'whole', 1) and len(found) == PHASES[-1][1]
    state = torch.load(tmp_path / 'changed/iter_6.pth')['state_dict']
    assert all(value.isfinite().all() for value in state.values())
