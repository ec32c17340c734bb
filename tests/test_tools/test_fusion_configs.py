"""The fusion benchmarks, from the folders of a data set to a line of scores."""

import re
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.layouts import grey, write
from helpers.tools_in_process import fail, run
from mmengine.config import Config

from mmdefusion.apis import FusionInferencer
from mmdefusion.evaluation.functional import PROTOCOLS
from mmdefusion.models.checkpoints.shipped import shipped
from mmdefusion.registry import MODELS
from mmdefusion.rules.options import choose_rule

ROOT = Path(__file__).resolve().parents[2]
LAYOUTS = {
    'vifb': (('VI/{}.jpg', 'IR/{}.png'), 'vifb'),
    'roadscene': (('crop_LR_visible/FLIR_{}.jpg', 'cropinfrared/FLIR_{}.jpg'), 'gray'),
    'tno': (('vi/{}.bmp', 'ir/{}.bmp'), 'gray'),
    'msrs': (('vi/{}.png', 'ir/{}.png'), 'gray'),
    'm3fd': (('Vis/{}.png', 'Ir/{}.png'), 'gray'),
    'llvip': (('visible/test/{}.jpg', 'infrared/test/{}.jpg'), 'gray'),
    'mefb': (('{0}/{0}_A.png', '{0}/{0}_B.png'), 'all'),
    'sice': (('under/{}.jpg', 'over/{}.jpg'), 'all'),
    'mfifb': (('{0}/{0}_A.png', '{0}/{0}_B.png'), 'all'),
    'lytro': (('lytro-{}-A.jpg', 'lytro-{}-B.jpg'), 'all'),
    'real-mff': (('imageA/{}_A.png', 'imageB/{}_B.png'), 'all'),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', LAYOUTS)
def test_runs_on_the_real_layout(name, tmp_path):
    patterns, protocol = LAYOUTS[name]
    for k in range(2):
        for seed, pattern in enumerate(patterns):
            write(tmp_path / 'data' / pattern.format(f'0{k}'), grey(2 * k + seed, 50, 70 + k))
    config = ROOT / f'configs/fusion/defusionpp_vit-tiny_{name}.py'
    options = [f'test_dataloader.dataset.data_root={tmp_path}/data', 'test_dataloader.num_workers=0']
    options.append(f'test_evaluator.out_dir={tmp_path}/out')
    arguments = [config, str(shipped()['tiny']), '--work-dir', tmp_path / 'work', '--cfg-options', *options]
    printed = run(ROOT / 'tools/test.py', *arguments, cwd=ROOT)
    for metric in PROTOCOLS[protocol].metrics:
        assert re.search(rf'fusion/{metric}: -?[\d.]+', printed), metric
    fused = sorted((tmp_path / 'out/fused').rglob('*.png'))
    assert [cv2.imread(str(path)).shape for path in fused] == [(50, 70, 3), (50, 71, 3)]
    assert (tmp_path / 'out/scores.csv').read_text().splitlines()[-1].startswith('mean,')


# without workers, whose warnings are not those of this process
NO_WORKERS = ['test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False']
STREET = np.full((120, 160), 40, np.uint8)
STREET[50:] = 90
for left in (30, 75, 125):
    STREET[55:90, left : left + 10] = 220


@pytest.mark.parametrize(
    ('infrared', 'said'),
    [(STREET, ''), (255 - STREET, 'look black-hot'), (cv2.applyColorMap(STREET, cv2.COLORMAP_JET), 'false colours')],
    ids=['white-hot', 'black-hot', 'false colours'],
)
def test_infrared_images_are_turned_as_the_inferencer_turns_them(infrared, said, tmp_path):
    write(tmp_path / 'data/vi/0.bmp', grey(0, 120, 160))
    write(tmp_path / 'data/ir/0.bmp', infrared)
    config = ROOT / 'configs/fusion/defusionpp_vit-tiny_tno.py'
    options = [f'test_dataloader.dataset.data_root={tmp_path}/data', f'test_evaluator.out_dir={tmp_path}/out']
    arguments = [config, str(shipped()['tiny']), '--work-dir', tmp_path / 'work', '--cfg-options', *options]
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        run(ROOT / 'tools/test.py', *arguments, *NO_WORKERS, cwd=ROOT)
        told = [str(one.message) for one in found if 'infrared image' in str(one.message)]
        (ours,) = FusionInferencer(device='cpu', show_progress=False)(tmp_path / 'data/vi', tmp_path / 'data/ir')
    assert len(told) == bool(said) and said in ''.join(told)
    fused = cv2.imread(str(tmp_path / 'out/fused/0.png'))
    assert np.abs(fused.astype(int) - ours.images['fused']).max() <= 1
    scores = (tmp_path / 'out/scores.csv').read_text().splitlines()[1].split(',')[1:]
    expected = PROTOCOLS['gray'].scores(grey(0, 120, 160), STREET, fused[..., ::-1])
    np.testing.assert_allclose([float(one) for one in scores], list(expected.values()), atol=1e-5)


@pytest.mark.parametrize(
    ('name', 'task', 'files'), [('tno', 'ivf', ('vi/0.png', 'ir/0.png')), ('mefb', 'mef', ('0/0_A.png', '0/0_B.png'))]
)
def test_images_of_16_bits_are_read_as_the_inferencer_reads_them(name, task, files, tmp_path):
    paths = [tmp_path / 'data' / file for file in files]
    for seed, path in enumerate(paths):
        write(path, grey(seed, 50, 70).astype(np.uint16) * 100)  # a third of the range
    config = ROOT / f'configs/fusion/defusionpp_vit-tiny_{name}.py'
    options = [f'test_dataloader.dataset.data_root={tmp_path}/data', f'test_evaluator.out_dir={tmp_path}/out']
    arguments = [config, str(shipped()['tiny']), '--work-dir', tmp_path / 'work', '--cfg-options', *options]
    run(ROOT / 'tools/test.py', *arguments, *NO_WORKERS, cwd=ROOT)
    (ours,) = FusionInferencer(task=task, device='cpu', show_progress=False)(*paths)
    (fused,) = sorted((tmp_path / 'out/fused').rglob('*.png'))
    assert np.abs(cv2.imread(str(fused)).astype(int) - ours.images['fused']).max() <= 1


def test_nothing_draws_for_a_show_dir(tmp_path):
    config = ROOT / 'configs/fusion/defusionpp_vit-tiny_tno.py'
    text = fail(ROOT / 'tools/test.py', config, 'x.pth', '--show-dir', 'pictures', cwd=tmp_path)
    assert text.startswith(f'{config} has no default_hooks.visualization') and text.endswith('or drop --show-dir.')


def test_every_config_has_a_layout():
    names = {path.stem.removeprefix('defusionpp_vit-tiny_') for path in (ROOT / 'configs/fusion').glob('*.py')}
    assert names == set(LAYOUTS)


@pytest.mark.parametrize('name', LAYOUTS)
def test_a_config_fuses_as_the_inferencer_does(name):
    model = Config.fromfile(ROOT / f'configs/fusion/defusionpp_vit-tiny_{name}.py').model
    task = 'mef' if name in ('mefb', 'sice') else 'mff' if name in ('mfifb', 'lytro', 'real-mff') else 'ivf'
    rule = choose_rule(task)
    assert (model.colour, model.get('target', 'off')) == (rule.colour, rule.target)
    assert vars(MODELS.build(model.detail)) == vars(MODELS.build(rule.detail))
