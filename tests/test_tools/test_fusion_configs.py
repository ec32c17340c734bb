"""The fusion benchmarks, from the folders of a data set to a line of scores."""

import re
from pathlib import Path

import cv2
import pytest
from helpers.layouts import grey, write
from helpers.tools_in_process import fail, run
from mmengine.config import Config

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
