"""The set-up of `make env`, with commands that note what they are asked for instead of installing anything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = f"""#!/bin/bash
echo "CUDA=$CUDA_VISIBLE_DEVICES $*" >>"$NOTES"
case "$*" in
  *'raise SystemExit(not torch.cuda'*) exit "$NO_CUDA" ;;
  *torch.__version__*) echo 2.13.0 ;;
  *version_info*) exec {sys.executable} "$@" ;;
esac
"""

pytestmark = pytest.mark.skipif(shutil.which('make') is None, reason='it is called by make')


@pytest.fixture
def machine(tmp_path):
    """Runs ``make demo`` on a machine that has some commands, and gives what it said and what Python was asked for."""

    def run(*commands: str, torch_sees_gpu: bool, **options: str) -> tuple[str, list[str]]:
        notes, bin_dir, venv = tmp_path / 'notes', tmp_path / 'bin', tmp_path / 'venv'
        for folder in (bin_dir, venv / 'bin', venv / 'stamps'):
            folder.mkdir(parents=True)
        for command in (*commands, 'c++'):
            (bin_dir / command).write_text('#!/bin/sh\n')
        (venv / 'bin/python').write_text(PYTHON)
        for file in (*bin_dir.iterdir(), venv / 'bin/python'):
            file.chmod(0o755)
        env = {name: value for name, value in os.environ.items() if name not in ('CUDA_VISIBLE_DEVICES', 'CUDA_HOME')}
        env |= dict(PATH=f'{bin_dir}:/usr/bin:/bin', NOTES=str(notes), NO_CUDA=str(int(not torch_sees_gpu)))
        given = [f'{name}={value}' for name, value in dict(VENV=venv, PYTHON=sys.executable, **options).items()]
        done = subprocess.run([shutil.which('make'), 'demo', *given], cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout, notes.read_text().splitlines()

    return run


def torch_of(notes: list[str]) -> str:
    (line,) = (note for note in notes if 'pip install' in note and 'torch==' in note and '--dry-run' not in note)
    return line.split()[-1]


def demo_of(notes: list[str]) -> str:
    (line,) = (note for note in notes if 'tools/demo.py' in note)
    return line.split()[0]


def test_a_gpu_that_mmcv_cannot_be_built_for(machine):
    """mmcv without GPU ops ends the demo's detector where torch takes the GPU."""
    said, notes = machine('nvidia-smi', torch_sees_gpu=False)
    assert torch_of(notes) == 'torch==2.13.0+cpu'
    assert 'There is a GPU but no nvcc' in said and 'install the CUDA toolkit' in said


def test_a_gpu_that_a_build_of_torch_sees_is_hidden(machine):
    said, notes = machine('nvidia-smi', torch_sees_gpu=True, TORCH='torch==2.13.0')
    assert torch_of(notes) == 'torch==2.13.0' and demo_of(notes) == 'CUDA=-1'
    assert 'export CUDA_VISIBLE_DEVICES=-1' in said


def test_a_gpu_with_its_compiler(machine):
    said, notes = machine('nvidia-smi', 'nvcc', torch_sees_gpu=True)
    assert torch_of(notes) == 'torch==2.13.0' and demo_of(notes) == 'CUDA='
    assert 'no nvcc' not in said


def test_no_gpu(machine):
    said, notes = machine(torch_sees_gpu=False)
    assert torch_of(notes) == 'torch==2.13.0+cpu' and demo_of(notes) == 'CUDA='
    assert 'no nvcc' not in said
