import csv
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.layouts import grey, write, write_xml
from helpers.warm_process import run_tool

from mmdefusion.evaluation.functional import GRAY_METRICS, gray_scores
from mmdefusion.inference.sizes import to_first_size
from mmdefusion.inference.sources import Item

TOOL = Path(__file__).resolve().parents[2] / 'tools/eval_fusion.py'


def run(root: Path, *args: str) -> subprocess.CompletedProcess:
    folders = [str(part) for name in ('vi', 'ir', 'fused') for part in (f'--{name}', root / name)]
    return run_tool(TOOL, *folders, *args)


def write_triples(root: Path, count: int) -> None:
    for k in range(count):
        for offset, name in enumerate(('vi', 'ir', 'fused')):
            write(root / name / f'{k}.png', grey(3 * k + offset))


def test_a_row_per_image_and_the_mean(tmp_path):
    write_triples(tmp_path, 3)
    out = tmp_path / 'new/scores.csv'
    result = run(tmp_path, '--protocol', 'gray', '--out', str(out), '--workers', '1')
    assert result.returncode == 0, result.stderr
    assert '3 images' in result.stdout and 'VIFF' in result.stdout
    rows = list(csv.reader(out.open()))
    assert rows[0] == ['image', *GRAY_METRICS] and [row[0] for row in rows[1:]] == ['0', '1', '2', 'mean']
    values = np.array([[float(value) for value in row[1:]] for row in rows[1:]])
    np.testing.assert_allclose(values[3], values[:3].mean(0), atol=1e-5)
    expected = gray_scores(grey(3), grey(4), grey(5))
    np.testing.assert_allclose(values[1], list(expected.values()), atol=1e-5)


def test_a_black_image_and_a_copy_do_not_spoil_the_mean(tmp_path):
    write_triples(tmp_path, 4)
    write(tmp_path / 'fused/1.png', grey(5) * 0)
    for name in ('vi', 'ir'):
        write(tmp_path / name / '2.png', grey(8))
    out = tmp_path / 'scores.csv'
    result = run(tmp_path, '--protocol', 'gray', '--out', str(out), '--workers', '1')
    assert result.returncode == 0 and '–' not in result.stdout, result.stderr
    assert 'PSNR is infinite for 2 image(s) (1, 2): ' in result.stderr
    column = [row[1 + GRAY_METRICS.index('PSNR')] for row in list(csv.reader(out.open()))[1:]]
    assert column[1:3] == ['-inf', 'inf']
    assert float(column[-1]) == pytest.approx((float(column[0]) + float(column[3])) / 2, abs=1e-5)


def test_what_cannot_be_scored_is_named_and_the_rest_is_kept(tmp_path):
    write_triples(tmp_path, 3)
    write(tmp_path / 'fused/0.png', grey(0, 40, 40))
    (tmp_path / 'ir/1.png').write_bytes(b'no image')
    result = run(tmp_path, '--out', str(tmp_path / 'scores.csv'), '--workers', '1')
    assert result.returncode == 1 and '2 of 3 images could not be scored' in result.stderr
    assert 'fused/0.png: The images differ in size' in result.stderr and 'ir/1.png is not an image' in result.stderr
    assert [line.split(',')[0] for line in (tmp_path / 'scores.csv').read_text().splitlines()] == ['image', '2', 'mean']

    (tmp_path / 'ir/1.png').unlink()
    result = run(tmp_path)
    assert result.returncode == 1 and '1 only in' in result.stderr

    (tmp_path / 'file').write_text('')
    result = run(tmp_path, '--out', str(tmp_path / 'file/scores.csv'))
    assert result.returncode == 1 and 'Nothing can be written into' in result.stderr
    result = run(tmp_path, '--out', str(tmp_path))
    assert result.returncode == 1 and 'is a folder: name a file' in result.stderr


def test_labelled_objects_are_measured(tmp_path):
    """The fused image is the infrared one, whose object is seen there alone."""
    visible, infrared = np.full((64, 80), 60, np.uint8), np.full((64, 80), 60, np.uint8)
    infrared[20:50, 40:52] = 160
    for name, image in (('vi', visible), ('ir', infrared), ('fused', infrared)):
        write(tmp_path / name / '0.png', image)
    write_xml(tmp_path / 'boxes/0.xml', [('person', (41, 21, 53, 51))])
    result = run(tmp_path, '--protocol', 'targets', '--boxes', str(tmp_path / 'boxes'), '--workers', '1')
    assert result.returncode == 0, result.stderr
    values = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line.strip()}
    assert values['person'] == ['1', '1.000', '0.000', '0.000', '1.000', '1.000']
    assert values['Hot_contrast'] == ['↑', '1.0000'] and values['Sky_moved'][-1] != 'nan'  # no sky: a dash
    result = run(tmp_path, '--boxes', str(tmp_path / 'none.json'))
    assert result.returncode == 1 and 'none.json are not there' in result.stderr


def test_boxes_of_names_with_an_ending_and_of_some_images(tmp_path):
    visible, infrared = np.full((64, 80), 60, np.uint8), np.full((64, 80), 60, np.uint8)
    infrared[20:50, 40:52] = 160
    for number in (0, 1):
        for name, image in (('vi', visible), ('ir', infrared), ('fused', infrared)):
            write(tmp_path / name / f'{number}{dict(vi="_rgb", ir="_ir").get(name, "")}.png', image)
    write_xml(tmp_path / 'boxes/0_rgb.xml', [('person', (41, 21, 53, 51))])
    boxes = ['--boxes', str(tmp_path / 'boxes'), '--suffixes', '_rgb', '_ir', '', '--workers', '1']
    boxes += ['--protocol', 'targets']
    result = run(tmp_path, *boxes, '--shard', '1/2')
    assert result.returncode == 0 and 'person' in result.stdout, result.stderr
    result = run(tmp_path, *boxes, '--shard', '2/2')  # of which no image is labelled
    assert result.returncode == 0 and 'person' not in result.stdout, result.stderr

    (tmp_path / 'boxes/0_rgb.xml').rename(tmp_path / 'boxes/7_rgb.xml')
    result = run(tmp_path, *boxes, '--out', str(tmp_path / 'scores.csv'))
    assert result.returncode == 1 and 'The boxes belong to none of the images' in result.stderr
    assert 'Traceback' not in result.stderr and not (tmp_path / 'scores.csv').exists()  # before anything is scored


def test_second_images_are_scaled_as_they_were_fused(tmp_path):
    """Of 16 bits; the fused image is what the full range, or a range of counts, makes of the second one."""
    counts = (grey(1).astype(np.uint16) + 20) * 100
    write(tmp_path / 'vi/0.tif', grey(0).astype(np.float32) / 255)
    write(tmp_path / 'ir/0.png', counts)
    of_counts = ['--thermal-range', '1000', '30000', '--workers', '1']
    for options, low, high in ((['--task', 'mef'], 0, 65535), (of_counts, 1000, 30000)):
        scaled = np.rint(((counts - float(low)) / (high - low)).clip(0, 1) * 255).astype(np.uint8)
        write(tmp_path / 'fused/0.png', scaled)
        out = tmp_path / 'scores.csv'
        result = run(tmp_path, '--protocol', 'gray', '--out', str(out), *options)
        assert result.returncode == 0 and not result.stderr, result.stderr
        rows = list(csv.reader(out.open()))
        expected = gray_scores(grey(0), scaled, scaled)
        np.testing.assert_allclose([float(value) for value in rows[1][1:]], list(expected.values()), atol=1e-5)
    write(tmp_path / 'ir/0.png', grey(1))
    assert 'The range of 1000 to 30000 has no effect (--thermal-range)' in run(tmp_path, *of_counts).stderr
    assert 'low < high' in run(tmp_path, '--thermal-range', '5', '5').stderr
    assert 'is for infrared images' in run(tmp_path, '--thermal-range', '5', '9', '--task', 'mff').stderr


def test_infrared_images_are_turned_as_they_were_fused(tmp_path):
    """Black-hot ones and those in false colours have the scores of the white-hot, grey ones that the fuser made."""
    street = np.full((120, 160), 40, np.uint8)
    street[50:] = 90
    for left in (30, 75, 125):
        street[55:90, left : left + 10] = 220
    kinds = dict(grey=street, inverted=255 - street, coloured=cv2.applyColorMap(street, cv2.COLORMAP_JET))
    write(tmp_path / 'vi/0.png', grey(0, 120, 160))
    write(tmp_path / 'fused/0.png', street)
    write_xml(tmp_path / 'boxes/0.xml', [('person', (31, 56, 41, 91))], size=(160, 120))
    files, printed = {}, {}
    for kind, options in (*((kind, ['--workers', '2']) for kind in kinds), ('inverted', ['--polarity', 'white-hot'])):
        write(tmp_path / 'ir/0.png', kinds[kind])
        out = tmp_path / f'{kind}{options[-1]}.csv'
        result = run(tmp_path, '--protocol', 'targets', '--boxes', str(tmp_path / 'boxes'), '--out', str(out), *options)
        assert result.returncode == 0, result.stderr
        files[out.stem], printed[out.stem] = out.read_text(), result
    assert files['grey2'] == files['inverted2'] == files['coloured2'] != files['invertedwhite-hot']
    assert printed['grey2'].stdout == printed['inverted2'].stdout == printed['coloured2'].stdout
    assert printed['invertedwhite-hot'].stdout.splitlines()[-1] != printed['grey2'].stdout.splitlines()[-1]
    assert 'look black-hot' in printed['inverted2'].stderr and not printed['grey2'].stderr
    assert 'false colours (jet)' in printed['coloured2'].stderr and 'UserWarning' not in printed['coloured2'].stderr
    result = run(tmp_path, '--polarity', 'black-hot', '--task', 'mef')
    assert result.returncode == 2 and '--polarity is for infrared images' in result.stderr


def test_shards_and_stopped_runs_are_put_together(tmp_path):
    write_triples(tmp_path, 5)
    options = '--protocol', 'gray', '--workers', '1'
    whole, shards = tmp_path / 'whole.csv', [tmp_path / f'{k}.csv' for k in (1, 2)]
    assert run(tmp_path, *options, '--out', str(whole)).returncode == 0
    result = run(tmp_path, *options, '--shard', '2/2', '--out', str(shards[1]))
    assert result.returncode == 0 and '2 images' in result.stdout
    assert [line.split(',')[0] for line in shards[1].read_text().splitlines()] == ['image', '1', '3', 'mean']

    lines = whole.read_text().splitlines()
    stopped = tmp_path / 'all.csv.unfinished'  # of a run that was killed while it wrote a row
    stopped.write_text('\n'.join([lines[0], lines[1].replace('0,', '0,9', 1), lines[3][:30]]))
    out = tmp_path / 'all.csv'
    result = run(tmp_path, *options, '--out', str(out), '--resume', str(shards[1]))
    assert result.returncode == 0 and '5 images' in result.stdout, result.stderr
    assert ' scores are those of earlier files.' in result.stderr
    resumed = out.read_text().splitlines()
    assert resumed[1] == lines[1].replace('0,', '0,9', 1)  # kept, not scored again
    assert resumed[2:-1] == lines[2:-1] and not stopped.exists()

    result = run(tmp_path, '--protocol', 'vifb', '--out', str(out), '--resume')
    assert result.returncode == 1 and 'has other columns' in result.stderr
    result = run(tmp_path, '--shard', '3/2')
    assert result.returncode == 1 and "shard='3/2' must be i/n" in result.stderr
    assert '--resume reads the file' in run(tmp_path, '--resume').stderr


def test_pairs_that_were_resized_are_scored(tmp_path):
    write_triples(tmp_path, 2)
    infrared = [write(tmp_path / 'ir' / f'{k}.png', grey(3 * k + 1, 40, 60)) for k in range(2)]
    result = run(tmp_path, '--workers', '1')
    assert result.returncode == 1 and 'The images differ in size' in result.stderr
    out = tmp_path / 'scores.csv'
    result = run(tmp_path, '--protocol', 'gray', '--resize', '--out', str(out), '--workers', '1')
    assert result.returncode == 0, result.stderr
    rows = list(csv.reader(out.open()))
    for k, path in enumerate(infrared):
        pair = to_first_size(Item('pair', (grey(3 * k), path)).read(), 'pair', resize=True)
        expected = gray_scores(pair[0], pair[1], grey(3 * k + 2))
        np.testing.assert_allclose([float(value) for value in rows[k + 1][1:]], list(expected.values()), atol=1e-5)
    boxes = tmp_path / 'boxes'
    for k in range(2):
        write_xml(boxes / f'{k}.xml', [('person', (11, 11, 33, 41))])
    result = run(tmp_path, '--protocol', 'targets', '--resize', '--boxes', str(boxes), '--workers', '1')
    assert result.returncode == 0 and 'person' in result.stdout, result.stderr
