import subprocess
import sys
from pathlib import Path

import cv2
from helpers.pretraining import write_fuser, write_images

TOOL = Path(__file__).resolve().parents[2] / 'tools/fuse.py'


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(TOOL), *map(str, arguments)], capture_output=True, text=True)


def test_folders_then_resume(tmp_path):
    for seed, name in enumerate(('vi', 'ir')):
        write_images(tmp_path / name, 2, size=(33, 58), seed=seed)
    arguments = [tmp_path / 'vi', tmp_path / 'ir', '--weights', write_fuser(tmp_path / 'fuser.pth')]
    arguments += ['--out-dir', tmp_path / 'out', '--outputs', 'fused', 'panel', '--colour', 'grey']
    result = run(*arguments)
    assert result.returncode == 0 and '4 written' in result.stdout, result.stderr
    assert cv2.imread(str(tmp_path / 'out/001.png'), cv2.IMREAD_UNCHANGED).shape == (33, 58)
    (tmp_path / 'out/001_panel.png').unlink()
    assert '2 written' in run(*arguments, '--resume').stdout


def test_errors_are_one_line(tmp_path):
    for names, count in (('vi', 2), ('ir', 1)):
        write_images(tmp_path / names, count)
    weights = write_fuser(tmp_path / 'fuser.pth')
    result = run(tmp_path / 'vi', tmp_path / 'ir', '--weights', weights, '--out-dir', tmp_path / 'out')
    assert result.returncode == 1 and '001' in result.stderr and 'Traceback' not in result.stderr
    result = run('no.png', 'none.png', '--weights', weights, '--out-dir', tmp_path / 'out')
    assert result.returncode == 1 and 'no.png' in result.stderr and 'Traceback' not in result.stderr
