import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
from helpers.pretraining import write_fuser, write_images
from helpers.warm_process import run_tool

from mmdefusion.apis import FusionInferencer

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
        'target off',
        'levels 2, boost 0',
        'target keep',
        'mean of the sources',
    ]
    (gradient,) = [line.split('|') for line in lines if line.startswith('| AG')]
    assert float(gradient[3]) > float(gradient[6])  # detail is sharper than the mean
    sheet = cv2.imread(str(tmp_path / 'out/sheet.jpg'))
    assert sheet.shape[1] > 4 * 300 and sheet.std() > 10


def test_the_plain_output_of_exposures_is_plain(tmp_path):
    for seed, name in enumerate(('a', 'b')):
        write_images(tmp_path / name, 1, size=(48, 64), seed=seed)
    weights = write_fuser(tmp_path / 'fuser.pth')
    pair = [str(tmp_path / name / '000.png') for name in ('a', 'b')]
    image = FusionInferencer(weights, task='mef', detail=None, device='cpu').fuse(pair).images['fused']
    (tmp_path / 'plain').mkdir()
    cv2.imwrite(str(tmp_path / 'plain/000.png'), image)
    folders = tmp_path / 'a', tmp_path / 'b', '--weights', weights, '--out-dir', tmp_path / 'out'
    result = run(*folders, '--task', 'mef', '--fused', tmp_path / 'plain', '--protocol', 'gray')
    assert result.returncode == 0, result.stderr
    rows = [line.split('|') for line in (tmp_path / 'out/table.md').read_text().splitlines() if line.startswith('|')]
    columns = [cell.strip() for cell in rows[0]]
    ours, theirs, detailed = (columns.index(name) for name in ('plain output', 'plain', 'detail'))
    assert all(row[ours] == row[theirs] for row in rows[2:])
    assert any(row[ours] != row[detailed] for row in rows[2:])


def table_of(folder):
    rows = [line.strip('|').split('|') for line in (folder / 'table.md').read_text().splitlines() if line[:1] == '|']
    return {name.strip(): [row[k].strip() for row in rows[2:]] for k, name in enumerate(rows[0])}


def test_exposures_of_16_bits_are_scored_as_they_are_fused(tmp_path):
    """The same numbers as of 8 bits, in which the fusing network sees them."""
    rng = np.random.default_rng(0)
    for name in ('a', 'b', 'theirs'):
        image = rng.integers(60, 120, (48, 64), dtype=np.uint8)
        for bits, picture in ((8, image), (16, image.astype(np.uint16) * 257)):
            (tmp_path / f'{name}{bits}').mkdir()
            cv2.imwrite(str(tmp_path / f'{name}{bits}/000.png'), picture)
    weights, tables = write_fuser(tmp_path / 'fuser.pth'), {}
    for bits in (8, 16):
        folders = tmp_path / f'a{bits}', tmp_path / f'b{bits}', '--fused', tmp_path / f'theirs{bits}'
        options = '--task', 'mef', '--protocol', 'gray', '--weights', weights, '--out-dir', tmp_path / f'out{bits}'
        result = run(*folders, *options)
        assert result.returncode == 0, result.stderr
        tables[bits] = list(table_of(tmp_path / f'out{bits}').values())
    assert tables[8] == tables[16]


def test_infrared_images_are_turned_as_the_series_is_fused(tmp_path):
    """Of a black-hot camera; the last pair alone looks white-hot, and fuse.py takes the median."""
    street = np.full((120, 160), 40, np.uint8)
    street[50:] = 90
    for left in (30, 75, 125):
        street[55:90, left : left + 10] = 220
    write_images(tmp_path / 'vi', 3, size=(120, 160))
    for kind, images in (('black', [255 - street, 255 - street, street]), ('white', [street, street, 255 - street])):
        (tmp_path / kind).mkdir()
        for place, image in enumerate(images):
            cv2.imwrite(str(tmp_path / kind / f'{place:03d}.png'), image)
    (tmp_path / 'list.txt').write_text('002\n')
    options = '--list', tmp_path / 'list.txt', '--protocol', 'gray', '--weights', write_fuser(tmp_path / 'fuser.pth')
    tables = []
    for kind, polarity in (('black', 'auto'), ('black', 'black-hot'), ('white', 'white-hot')):
        out = tmp_path / f'{kind}{polarity}'
        result = run(tmp_path / 'vi', tmp_path / kind, *options, '--polarity', polarity, '--out-dir', out)
        assert result.returncode == 0, result.stderr
        assert ('look black-hot' in result.stderr) == (polarity == 'auto')
        tables.append(list(table_of(out).values()))
    assert tables[0] == tables[1] == tables[2]


def test_folders_of_other_methods_with_the_same_name(tmp_path):
    for name in ('vi', 'ir', 'One/fused', 'Two/fused'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_images(tmp_path / name, 2, size=(48, 64), seed=len(name))
    cv2.imwrite(str(tmp_path / 'Two/fused/000.png'), np.zeros((48, 64), np.uint8))
    folders = tmp_path / 'vi', tmp_path / 'ir', '--weights', write_fuser(tmp_path / 'fuser.pth')
    folders += '--protocol', 'gray', '--out-dir', tmp_path / 'out'
    result = run(*folders, '--fused', tmp_path / 'One/fused', tmp_path / 'Two/fused')
    assert result.returncode == 0, result.stderr
    table = table_of(tmp_path / 'out')
    assert table['One/fused'] != table['Two/fused'] and 'fused' not in table
    result = run(*folders, '--fused', tmp_path / 'One/fused', tmp_path / 'One/fused')
    assert result.returncode == 1 and 'Two columns would be called One/fused: give each folder' in result.stderr
    (tmp_path / 'Two/fused/001.png').unlink()
    result = run(*folders, '--fused', tmp_path / 'Two/fused')
    assert result.returncode == 1 and 'fused has no images of 1 of 2 pairs, such as 001' in result.stderr


def test_a_list_that_names_none(tmp_path):
    for name in ('vi', 'ir'):
        write_images(tmp_path / name, 1)
    (tmp_path / 'list.txt').write_text('other\n')
    result = run(tmp_path / 'vi', tmp_path / 'ir', '--list', tmp_path / 'list.txt', '--out-dir', tmp_path / 'out')
    assert result.returncode == 1 and '1 names in' in result.stderr and 'first other' in result.stderr
    assert 'Traceback' not in result.stderr
    (tmp_path / 'list.txt').write_text('\n')
    result = run(tmp_path / 'vi', tmp_path / 'ir', '--list', tmp_path / 'list.txt', '--out-dir', tmp_path / 'out')
    assert result.returncode == 1 and 'list.txt names no pair: write a name into each line' in result.stderr
    result = run(tmp_path / 'vi', tmp_path / 'ir', '--task', 'mff', '--target', 'keep', '--out-dir', tmp_path / 'out')
    assert result.returncode == 1 and '--target keep needs infrared and visible images' in result.stderr


def test_objects_of_each_treatment_and_of_other_methods(tmp_path):
    """A warm person 60 levels above a street; another method has it at 15 of them, the maximum at all."""
    grey = np.full((96, 128, 3), 100, np.uint8)
    person = (slice(30, 70), slice(50, 70))
    images = {'vi': grey, 'ir': grey.copy(), 'OTHER': grey.copy()}
    images['ir'][person], images['OTHER'][person] = 160, 115
    for name, image in images.items():
        (tmp_path / name).mkdir()
        for stem in ('a', 'empty', 'unlabelled'):
            cv2.imwrite(str(tmp_path / name / f'{stem}.png'), image)
    box = dict(id=1, image_id=1, category_id=1, bbox=[50, 30, 20, 40], area=800, iscrowd=0)
    described = [dict(id=k, file_name=f'{name}.png', width=128, height=96) for k, name in ((1, 'a'), (2, 'empty'))]
    boxes = dict(images=described, annotations=[box], categories=[dict(id=1, name='person')])
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    folders = tmp_path / 'vi', tmp_path / 'ir', '--weights', write_fuser(tmp_path / 'fuser.pth')
    what = '--protocol', 'targets', '--target', 'keep', 'highlight', '--boxes', tmp_path / 'boxes.json'
    what += '--fused', tmp_path / 'OTHER', '--network-pixels', 4096
    (tmp_path / 'list.txt').write_text('a\nempty\nunlabelled\n')  # names without boxes may stand in a list
    what += '--list', tmp_path / 'list.txt'
    result = run(*folders, *what, '--out-dir', tmp_path / 'out')
    assert result.returncode == 0, result.stderr
    table = (tmp_path / 'out/table.md').read_text()
    assert 'Means over 1 pairs' in table
    lines = [[cell.strip() for cell in line.strip('|').split('|')] for line in table.splitlines() if line[:1] == '|']
    columns = {name: [line[k] for line in lines] for k, name in enumerate(lines[0])}
    assert 'plain output' not in columns  # the network has not seen the whole image
    (kept,) = [k for k, line in enumerate(lines) if line[0] == '1 of class person: contrast kept, median']
    assert lines[kept + 1][0] == '1 of class person: lost (less is better)'
    assert lines[kept + 2][0] == '1 of class person: of it reversed'
    assert columns['OTHER'][kept : kept + 2] == ['0.250', '1.000']
    assert columns['maximum of the sources'][kept : kept + 2] == ['1.000', '0.000']
    assert columns['mean of the sources'][kept : kept + 2] == ['0.500', '0.000']
    assert float(columns['target highlight'][kept]) > float(columns['target keep'][kept]) > 0.9
