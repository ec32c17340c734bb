import runpy
from argparse import Namespace
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.layouts import grey, write
from helpers.pretraining import write_fuser, write_images
from helpers.tools_in_process import run
from helpers.warm_process import run_tool

from mmdefusion.evaluation.published import VIFB_PAIRS

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/fusion_leaderboard.py'


@pytest.mark.slow
def test_table_plot_and_sheet(tmp_path, monkeypatch):
    monkeypatch.setattr('mmdefusion.evaluation.published.VIFB_PAIRS', ('000', '001'))  # 21 would take minutes
    for seed, name in enumerate(('vi', 'ir', 'fused/OTHER')):
        write_images(tmp_path / 'data' / name, 2, size=(64, 80), seed=seed)
    (tmp_path / 'data/fused/EMPTY').mkdir()
    write_images(tmp_path / 'data/fused/TWICE', 2, size=(64, 80))
    (tmp_path / 'data/fused/TWICE/000.jpg').write_bytes((tmp_path / 'data/fused/TWICE/000.png').read_bytes())
    (tmp_path / 'data/fused/OTHER/more.png').write_bytes((tmp_path / 'data/fused/OTHER/000.png').read_bytes())
    out, weights = tmp_path / 'out', write_fuser(tmp_path / 'fuser.pth')
    arguments = ['--data', tmp_path / 'data', '--out-dir', out, '--weights', weights, '--workers', '1']
    with pytest.warns(UserWarning) as told:
        run(TOOL, *arguments, cwd=tmp_path)
    said = '\n'.join(str(one.message) for one in told)
    assert 'EMPTY has no image in it or below. The method is left out.' in said
    assert '000.png have the same name: keep one of them. The method is left out.' in said
    assert 'OTHER has 1 more than the images of the pairs (more): they are not used.' in said
    table = (out / 'table.md').read_text()
    assert 'EMPTY' not in table and 'TWICE' not in table
    assert table.count('Places among 27.') == 5 and table.count('| Hybrid_MSD |') == 5
    ours = 'mmdefusion', 'mmdefusion, target=off', 'mmdefusion, target=highlight', 'mmdefusion, detail=None'
    assert [table.count(f'| {name} |') for name in (*ours, 'maximum of the sources')] == [2, 2, 2, 2, 2]
    folders = tmp_path / 'data/vi', tmp_path / 'data/ir', out / 'maximum/fused'
    visible, infrared, largest = (cv2.imread(str(folder / '001.png')) for folder in folders)
    assert (largest == cv2.max(visible, infrared)).all()
    assert '| Hot_contrast ↑ |' in table and '| Sky_moved ↓ |' in table and table.count('| OTHER |') == 1
    with_detail, plain = (next(out.glob(f'fuser-*_{name}')) for name in ('default', 'detail-None'))
    scores = (with_detail / 'scores.csv').read_text().splitlines()
    assert [line.split(',')[0] for line in scores] == ['image', '000', '001', 'mean']
    assert cv2.imread(str(plain / 'ranks.png')).std() > 10
    assert cv2.imread(str(out / 'sheet.jpg')).shape[1] > 8 * 300  # two sources, four variants, maximum, other


def test_other_pairs_have_no_places(tmp_path):
    names = {name for folder in ('vi', 'ir') for name in write_images(tmp_path / folder, 3, size=(64, 80)).iterdir()}
    result = run_tool(TOOL, '--data', tmp_path, '--out-dir', tmp_path / 'out')
    assert result.returncode == 1 and not result.stdout and not (tmp_path / 'out').exists()
    said = "has not VIFB's 21 pairs (21 absent, first carLight; 3 others, first 000)"
    assert said in result.stderr and 'Traceback' not in result.stderr
    for path in names:
        path.rename(path.with_stem(VIFB_PAIRS[int(path.stem)]))
    assert '(18 absent, first elecbike)' in run_tool(TOOL, '--data', tmp_path, '--out-dir', tmp_path / 'out').stderr


def test_scores_are_against_the_infrared_images_as_they_were_fused(tmp_path):
    tool, rows = runpy.run_path(str(TOOL)), []
    street = np.full((120, 160), 40, np.uint8)
    street[50:] = 90
    for left in (30, 75, 125):
        street[55:90, left : left + 10] = 220
    for place, infrared in (('plain', street), ('black-hot', 255 - street)):
        for folder, image in (('vi', grey(0, 120, 160)), ('ir', infrared)):
            write(tmp_path / place / folder / '0.png', image)
        args = Namespace(data=tmp_path / place, out_dir=tmp_path / place, workers=1)
        rows.append(tool['score_maximum'](args))
    assert rows[0] == rows[1]


def test_in_how_many_pairs_hot_regions_are_among_the_two_brightest():
    def rows(*values):
        return {f'{k}': {'Hot_bright': value} for k, value in enumerate(values)}

    others = [rows(0.5, 0.5, 0.9, 0.4), rows(0.2, 0.6, 0.8, 0.3), rows(0.1, 0.7, 0.7, 0.2)]
    # the first: one brighter; the second: three; the third: none; the fourth: nothing hot in it
    bright_pairs = runpy.run_path(str(TOOL))['bright_pairs']
    assert bright_pairs(rows(0.4, 0.3, 1.0, float('nan')), others) == '2 of 3'
