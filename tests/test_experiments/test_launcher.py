import os
import sys

import pytest
from mmengine.config import Config

from mmdefusion.experiments.launcher import Launcher
from mmdefusion.utils.distributed import let_processes_talk

CALLED = ['-m', 'module', 'folder', '--launcher']


def test_one_process():
    assert Launcher().command('job', 'module', 'folder') == [sys.executable, '-u', *CALLED, 'none']
    with pytest.raises(ValueError, match='2 processes need a launcher'):
        Launcher(processes=2)


@pytest.mark.parametrize(
    ('given', 'message'), [(('slrum', 4), "'slrum' is no launcher"), (('pytorch', 0), 'at least 1')]
)
def test_what_it_refuses(given, message):
    with pytest.raises(ValueError, match=message):
        Launcher(*given)


def test_several_processes_of_this_machine():
    command = Launcher('pytorch', 4).command('job', 'module', 'folder')
    assert command[1:3] == ['-m', 'torch.distributed.run'] and '--nproc_per_node=4' in command
    assert command[-5:] == [*CALLED, 'pytorch']


def test_a_slurm_job(monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(ValueError, match='no srun here'):
        Launcher('slurm')
    (tmp_path / 'srun').touch(0o755)
    monkeypatch.setenv('SRUN_ARGS', '--time=60 --exclude=bad')
    monkeypatch.setenv('CPUS_PER_TASK', '3')
    command = Launcher('slurm', 8, 'gpu').command('job', 'module', 'folder')
    assert command[0] == 'srun' and command[-5:] == [*CALLED, 'slurm']
    wanted = {'--partition=gpu', '--job-name=job', '--gres=gpu:8', '--ntasks=8', '--cpus-per-task=3', '--time=60'}
    assert wanted | {'--exclude=bad'} <= set(command)
    assert not any(word.startswith('--partition') for word in Launcher('slurm').command('job', 'module', 'folder'))


def slurm_port(monkeypatch, job: int, step: int) -> int:
    """The port on which the processes of a job step meet."""
    monkeypatch.delenv('MASTER_PORT', raising=False)
    monkeypatch.setenv('SLURM_JOB_ID', str(job))
    monkeypatch.setenv('SLURM_STEP_ID', str(step))
    let_processes_talk(Config(dict(launcher='slurm')))
    return int(os.environ['MASTER_PORT'])


def test_steps_of_one_job_and_jobs_have_ports_of_their_own(monkeypatch):
    ports = [slurm_port(monkeypatch, job, step) for job in (123456, 123457) for step in range(4)]
    assert len({*ports}) == 8 and all(20000 <= port < 40000 for port in ports)
    monkeypatch.setenv('MASTER_PORT', '12345')
    let_processes_talk(Config(dict(launcher='slurm')))
    assert os.environ['MASTER_PORT'] == '12345'
