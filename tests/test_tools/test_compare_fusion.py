import subprocess
from pathlib import Path

import cv2
from helpers.pretraining import write_fuser, write_images
from helpers.warm_process import run_tool

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/compare_fusion.py'


def run(*arguments: object) -> subprocess.CompletedProcess:
    return run_tool(TOOL, *arguments)


def test_table_and_sheet(tmp_path):
    for seed, name in enumerate(('vi', 'ir')):
        write_images(tmp_path / name, 3, size=(48, 64), seed=seed)
    (tmp_path / 'train.txt').write_text('000.png\n002.png\n')
    weights = write_fuser(tmp_path / 'fuser.pth')
    folders = tmp_path / 'vi', tmp_path / 'ir', '--weights', weights, '--out-dir', tmp_path / 'out'
    result = run(*folders, '--list', tmp_path / 'train.txt', '--detail', 'levels=2,boost=0', '--protocol', 'gray')
    assert result.returncode == 0, result.stderr
    lines = (tmp_path / 'out/table.md').read_text().splitlines()
    assert 'Means over 2 pairs' in lines[0]
    (header,) = [line for line in lines if line.startswith('| metric')]
    assert [cell.strip() for cell in header.strip('|').split('|')] == [
        'metric',
        'plain output',
        'detail',
        'levels 2, boost 0',
        'mean of the sources',
    ]
    (gradient,) = [line.split('|') for line in lines if line.startswith('| AG')]
    assert float(gradient[3]) > float(gradient[5])  # detail is sharper than the mean
    sheet = cv2.imread(str(tmp_path / 'out/sheet.jpg'))
    assert sheet.shape[1] > 4 * 300 and sheet.std() > 10


def test_a_list_that_names_none(tmp_path):
    for name in ('vi', 'ir'):
        write_images(tmp_path / name, 1)
    (tmp_path / 'list.txt').write_text('other\n')
    result = run(tmp_path / 'vi', tmp_path / 'ir', '--list', tmp_path / 'list.txt', '--out-dir', tmp_path / 'out')
    assert result.returncode == 1 and '1 names in' in result.stderr and 'first other' in result.stderr
    assert 'Traceback' not in result.stderr
