"""The wheel in a bare environment: no torch, no toolbox, and the command fuses two files."""

import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import pytest
from helpers.toy_onnx import write_toy

from mmdefusion.scenes import SceneGenerator

ROOT = Path(__file__).resolve().parents[2]


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, f'{done.stdout}\n{done.stderr}'
    return done.stdout


@pytest.mark.soak
def test_the_wheel_fuses_without_torch(tmp_path):
    run('git', 'clone', '-q', ROOT, tmp_path / 'clone', cwd=tmp_path)
    run(sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '-w', tmp_path, tmp_path / 'clone', cwd=tmp_path)
    (wheel,) = tmp_path.glob('*.whl')
    names = zipfile.ZipFile(wheel).namelist()
    assert 'mmdefusion/.mim/tools/deployment/export.py' in names and not any('tools/dev' in name for name in names)
    # where `mim train mmdefusion NAME` looks, which refuses names that two configs have
    configs = [name.rsplit('/', 1)[-1] for name in names if name.startswith('mmdefusion/.mim/configs/')]
    trained = [name for name in configs if '_scenes-160x128' in name]
    assert trained and len(trained) == len(set(trained))
    assert {'mmdefusion/.mim/tools/train.py', 'mmdefusion/.mim/model-index.yml'} <= set(names)
    run(sys.executable, '-m', 'venv', tmp_path / 'bare', cwd=tmp_path)
    python = tmp_path / 'bare/bin/python'
    run(python, '-m', 'pip', 'install', '-q', f'{wheel}[deploy]', cwd=tmp_path)
    assert 'torch' not in run(python, '-m', 'pip', 'list', cwd=tmp_path)
    run(sys.executable, '-m', 'pip', 'install', '-q', '--target', tmp_path / 'twine', 'twine', cwd=tmp_path)
    check = f'import sys; sys.path.insert(0, {str(tmp_path / "twine")!r}); sys.argv = ["twine", "check", "--strict", '
    check += f'{str(wheel)!r}]; from twine.__main__ import main; sys.exit(main())'
    assert 'PASSED' in run(sys.executable, '-c', check, cwd=tmp_path)
    scene = SceneGenerator((160, 128))(0)
    for name in ('visible', 'infrared'):
        cv2.imwrite(str(tmp_path / f'{name}.png'), getattr(scene, name))
    toy = write_toy(tmp_path / 'toy.onnx', 'fuse')
    printed = run(
        tmp_path / 'bare/bin/mmdefusion', 'fuse', 'visible.png', 'infrared.png', '--weights', toy, cwd=tmp_path
    )
    assert printed.startswith('1 written') and cv2.imread(str(tmp_path / 'fused/visible.png')).shape == (128, 160, 3)
