"""Whole runs: in turn, killed and resumed, and in two processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from helpers.own_seeds import draw
from helpers.pretraining import joint_config, write_images, write_teacher
from helpers.warm_process import run_tool
from mmengine.runner import Runner
from torch.testing import assert_close

ROOT = Path(__file__).resolve().parents[3]
TRAIN = ROOT / 'tools/train.py'
ENV = os.environ | {'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '-1'}


@pytest.fixture
def data(tmp_path) -> Path:
    write_images(tmp_path / 'vi', 7)
    write_images(tmp_path / 'ir', 7, seed=1)
    write_teacher(tmp_path / 'teacher.pth')
    return tmp_path


def logged_losses(work_dir: Path) -> dict[int, dict[str, float]]:
    """By iteration; of a resumed run the later log counts."""
    losses = {}
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in map(json.loads, log.read_text().splitlines()):
            losses[line['step']] = {key: value for key, value in line.items() if key.startswith('loss')}
    return losses


def test_images_and_pairs_in_turn(data):
    seen = []
    runner = Runner.from_cfg(joint_config(data, max_iters=4))
    step = runner.model.loss
    runner.model.loss = lambda inputs: (seen.append(inputs.shape[1]), step(inputs))[1]
    runner.train()
    assert seen == [3, 6, 3, 6]


@pytest.mark.parametrize('kept', [False, True])
def test_as_many_workers_as_asked_for(kept, data):
    config = joint_config(data, max_iters=2)
    for loader in config.train_dataloader.values():
        loader.update(num_workers=1, persistent_workers=kept)
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    runner, before = Runner.from_cfg(config), len(torch.multiprocessing.active_children())
    running = []
    step = runner.model.loss
    runner.model.loss = lambda inputs: (running.append(torch.multiprocessing.active_children()), step(inputs))[1]
    runner.train()
    assert [len(children) - before for children in running] == [2, 2]


def test_wrong_turns_and_samplers(data):
    config = joint_config(data, max_iters=4)
    config.train_cfg.turns = ('images', 'pears')
    with pytest.raises(ValueError, match=r"turns=.*'pears'.*has \['images', 'pairs'\]"):
        Runner.from_cfg(config).train()
    config = joint_config(data, max_iters=4)
    config.train_dataloader.pairs.sampler = dict(type='InfiniteSampler')
    with pytest.raises(ValueError, match='sampler of pairs is a InfiniteSampler.*ResumableSampler'):
        Runner.from_cfg(config).train()


def test_resumed_with_the_seed_of_its_checkpoint(data):
    def losses(work_dir, max_iters, **options):
        runner = Runner.from_cfg(joint_config(data, max_iters, work_dir=str(data / work_dir), **options))
        runner.train()
        return logged_losses(data / work_dir)

    config = dict(randomness=dict(seed=7))
    expected = losses('whole', 4, **config)
    losses('broken', 2, **config)
    found = losses('broken', 4, randomness=dict(seed=None), resume=True)
    for iteration in (3, 4):
        assert found[iteration] == pytest.approx(expected[iteration], abs=1e-6)


def test_processes_of_different_seeds_share_the_images(tmp_path):
    torch.multiprocessing.spawn(draw, (str(tmp_path),), nprocs=2)
    first, second = (json.loads((tmp_path / f'{rank}.json').read_text()) for rank in (0, 1))
    for ours, theirs in zip(first, second, strict=True):
        assert sorted(ours + theirs) == list(range(20))
    assert first[0] != first[1]


@pytest.mark.soak
def test_killed_and_resumed_is_as_if_never_interrupted(data):
    whole = joint_config(data, max_iters=33, work_dir=str(data / 'whole'))
    whole.dump(data / 'whole.py')
    run_tool(TRAIN, data / 'whole.py', env=ENV).check_returncode()

    broken = joint_config(data, max_iters=33, work_dir=str(data / 'broken'))
    broken.dump(data / 'broken.py')
    process = subprocess.Popen([sys.executable, TRAIN, data / 'broken.py'], env=ENV, stdout=subprocess.DEVNULL)
    deadline = time.time() + 120
    while not (data / 'broken/last_checkpoint').exists() and time.time() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(list((data / 'broken').glob('iter_*.pth'))) < 3, 'it was killed too late for this test to show anything'
    run_tool(TRAIN, data / 'broken.py', '--resume', env=ENV).check_returncode()

    resumed = sorted((data / 'broken').glob('*/vis_data/scalars.json'))[-1].read_text()
    assert json.loads(resumed.splitlines()[0])['step'] > 10
    expected, found = logged_losses(data / 'whole'), logged_losses(data / 'broken')
    for iteration in range(11, 34):
        assert found[iteration].keys() == expected[iteration].keys()
        for name, value in expected[iteration].items():
            assert abs(found[iteration][name] - value) < 1e-6, (iteration, name)
    ours, theirs = (torch.load(data / name / 'iter_33.pth')['state_dict'] for name in ('whole', 'broken'))
    assert_close(theirs, ours, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_two_processes_end_with_the_same_weights(data):
    config = joint_config(data, max_iters=6)
    config.default_hooks.checkpoint.interval = 6
    config.custom_hooks.append(dict(type='DumpEveryRank', folder=str(data / 'work')))
    config.custom_imports = dict(imports=['dump_every_rank'])
    config.dump(data / 'config.py')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = str(probe.getsockname()[1])
    bin_dir = Path(sys.executable).parent
    result = subprocess.run(
        ['bash', ROOT / 'tools/dist_train.sh', data / 'config.py', '2'],
        env=ENV | {'PORT': port, 'PYTHONPATH': str(ROOT / 'tests'), 'PATH': f'{bin_dir}:{ENV["PATH"]}'},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    first, second = (torch.load(data / f'work/rank_{rank}.pth') for rank in (0, 1))
    assert_close(first['state_dict'], second['state_dict'], rtol=0, atol=0)
    assert len(first['paths']) == len(second['paths']) == 6
    # two of seven images each: no image twice in the first pass
    assert not set(first['paths'][0]) & set(second['paths'][0])
