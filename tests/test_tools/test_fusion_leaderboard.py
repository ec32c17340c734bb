from pathlib import Path

import cv2
import pytest
from helpers.pretraining import write_fuser, write_images
from helpers.warm_process import run_tool

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/fusion_leaderboard.py'


@pytest.mark.slow
def test_table_plot_and_sheet(tmp_path):
    for seed, name in enumerate(('vi', 'ir', 'fused/OTHER')):
        write_images(tmp_path / 'data' / name, 2, size=(64, 80), seed=seed)
    out, weights = tmp_path / 'out', write_fuser(tmp_path / 'fuser.pth')
    arguments = ['--data', tmp_path / 'data', '--out-dir', out, '--weights', weights, '--workers', '1']
    result = run_tool(TOOL, *arguments)
    assert result.returncode == 0, result.stderr
    table = (out / 'table.md').read_text()
    assert table.count('Places among 27.') == 3 and table.count('| Hybrid_MSD |') == 3
    names = 'mmdefusion', 'mmdefusion, target=keep', 'mmdefusion, detail=None'
    assert [table.count(f'| {name} |') for name in names] == [2, 2, 2]
    assert '| Hot_contrast ↑ |' in table and '| Sky_moved ↓ |' in table and table.count('| OTHER |') == 1
    with_detail, plain = (next(out.glob(f'fuser-*_{name}')) for name in ('default', 'detail-None'))
    scores = (with_detail / 'scores.csv').read_text().splitlines()
    assert [line.split(',')[0] for line in scores] == ['image', '000', '001', 'mean']
    assert cv2.imread(str(plain / 'ranks.png')).std() > 10
    assert cv2.imread(str(out / 'sheet.jpg')).shape[1] > 6 * 300  # two sources, three variants and the other
