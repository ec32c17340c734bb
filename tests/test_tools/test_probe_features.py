import json
from pathlib import Path

import pytest
import torch
from helpers.pretraining import SMALL, build, cud_config
from helpers.tools_in_process import fail, run

from mmdefusion.experiments.probe import FeatureReader
from mmdefusion.scenes import write_scenes

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools/analysis_tools/probe_features.py'
QUICK = '--size', '96x64', '--seeds', 0, 1, '--epochs', 2, '--cache', 'cache'


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Scenes, configs of their boxes and label maps, and a small model."""
    folder = tmp_path_factory.mktemp('probe')
    write_scenes(folder / 'scenes', train=12, test=6, size=(96, 64))
    for kind in ('detection', 'segmentation'):
        loader = f'dict(dataset=dict(data_root={str(folder / "scenes")!r}))'
        base = f'_base_ = {str(ROOT / f"configs/_base_/datasets/scenes-{kind}.py")!r}\n'
        (folder / f'{kind}.py').write_text(base + f'train_dataloader = test_dataloader = {loader}\n')
    (folder / 'model.py').write_text(f'model = {cud_config()!r}\n')
    torch.save(build(cud_config()).state_dict(), folder / 'model.pth')
    encoder = dict(type='mmdefusion.DeFusionEncoder', arch=SMALL)
    (folder / 'encoder.py').write_text(f'model = dict(backbone={encoder!r})\n')
    return folder


@pytest.mark.parametrize('kind', ['detection', 'segmentation'])
def test_every_kind_of_tokens_on_boxes_and_label_maps(kind, folder, monkeypatch):
    kinds = 'pixels', 'visible', 'infrared', 'both', 'common', 'unique', 'fused'
    arguments = '--data', f'{kind}.py', '--model', 'model.py', 'model.pth', '--tokens', *kinds, *QUICK
    printed = run(TOOL, *arguments, '--out', 'scores.json', cwd=folder)
    rows = [line.split() for line in printed.splitlines() if line.startswith('model ')]
    assert [row[1] for row in rows if row[0] == 'model'][: len(kinds)] == list(kinds)
    scores = json.loads((folder / 'scores.json').read_text())
    assert [score['tokens'] for score in scores] == list(kinds)
    classes = 3 if kind == 'detection' else 4
    assert all(len(score['classes']) == len(ap) == classes for score in scores for ap in score['ap'])
    assert 'person' in scores[0]['classes'] and '12 pairs to train, 6 to test' in printed

    def not_again(*_):
        raise AssertionError('what is in the cache is read from there')

    torn = sorted(folder.glob('cache/*.pt'))[:3]
    for file, content in zip(torn, (dict(a=1), torch.tensor([[float('nan')]]), torch.zeros(3)), strict=True):
        torch.save(content, file)
    run(TOOL, *arguments, '--out', 'again.json', cwd=folder)
    monkeypatch.setattr(FeatureReader, '_compute', not_again)
    run(TOOL, *arguments, '--out', 'again.json', cwd=folder)
    assert json.loads((folder / 'again.json').read_text()) == scores


@pytest.mark.parametrize('guided', [False, True])
def test_the_maps_of_a_prior(folder, guided):
    prior = dict(type='mmdefusion.SpatialPrior', widths=(4, 8, 8, 16))
    part = dict(pyramid=dict(type='mmdefusion.GuidedPyramid', prior=prior)) if guided else dict(spatial_prior=prior)
    backbone = dict(type='mmdefusion.DeFusionPP', arch=SMALL, **part)
    (folder / 'prior.py').write_text(f'model = dict(backbone={backbone!r})\n')
    arguments = '--data', 'detection.py', '--model', 'prior.py', '--tokens', 'prior', 'fused', *QUICK
    run(TOOL, *arguments, '--out', 'prior.json', cwd=folder)
    scores = json.loads((folder / 'prior.json').read_text())
    assert [score['tokens'] for score in scores] == ['prior', 'fused'] and scores[0]['ap'] != scores[1]['ap']
    missing = fail(TOOL, '--data', 'detection.py', '--model', 'encoder.py', '--tokens', 'prior', *QUICK, cwd=folder)
    assert 'There is no spatial prior or guided pyramid' in missing


def test_other_weights_are_other_tokens(folder):
    torch.save({f'backbone.{key}': value + 0.1 for key, value in encoder_state(folder).items()}, folder / 'other.pth')
    models = '--model', 'model.py', 'model.pth', '--model', 'model.py', 'other.pth'
    run(TOOL, '--data', 'detection.py', *models, '--tokens', 'both', *QUICK, '--out', 'two.json', cwd=folder)
    first, second = json.loads((folder / 'two.json').read_text())
    assert first['ap'] != second['ap']


def test_without_a_checkpoint_the_weights_are_those_of_the_model_s_init_cfg(folder):
    start = dict(type='Pretrained', checkpoint=str(folder / 'model.pth'))
    (folder / 'started.py').write_text(f'model = {dict(cud_config(), init_cfg=start)!r}\n')
    models = '--model', 'model.py', 'model.pth', '--model', 'started.py'
    run(TOOL, '--data', 'detection.py', *models, '--tokens', 'fused', *QUICK, '--out', 'two.json', cwd=folder)
    first, second = json.loads((folder / 'two.json').read_text())
    assert first['ap'] == second['ap']


PRIORS = {'spatial_prior': dict(type='mmdefusion.SpatialPrior'), 'pyramid': dict(type='mmdefusion.GuidedPyramid')}


@pytest.mark.parametrize('part', PRIORS)
def test_a_public_vit_brings_no_prior(folder, part):
    """That of the config has no weights then."""
    state = {key: value for key, value in encoder_state(folder).items() if not key.startswith('skip_norm')}
    torch.save({**state, 'pos_embed': torch.zeros(1, 5, SMALL['embed_dims'])}, folder / 'vit.pth')
    backbone = dict(type='mmdefusion.DeFusionPP', arch=SMALL, **{part: PRIORS[part]})
    (folder / 'with_prior.py').write_text(f'model = dict(backbone={backbone!r})\n')
    model = '--model', 'with_prior.py', 'vit.pth'
    found = fail(TOOL, '--data', 'detection.py', *model, '--tokens', 'prior', *QUICK, cwd=folder)
    assert 'There is no spatial prior or guided pyramid (in the config, or in the checkpoint)' in found


def encoder_state(folder: Path) -> dict:
    state = torch.load(folder / 'model.pth')
    return {key.removeprefix('backbone.'): value for key, value in state.items() if key.startswith('backbone.')}


def test_what_cannot_be_probed_is_refused(folder):
    data = '--data', 'detection.py'
    assert 'no fused tokens' in fail(TOOL, *data, '--model', 'encoder.py', '--tokens', 'fused', *QUICK, cwd=folder)
    assert 'no train_dataloader' in fail(TOOL, '--data', 'model.py', '--model', 'model.py', *QUICK, cwd=folder)
    assert 'no model.backbone' in fail(TOOL, *data, '--model', 'detection.py', *QUICK, cwd=folder)
    assert 'layer=9' in fail(TOOL, *data, '--model', 'model.py', '--layer', 9, *QUICK, cwd=folder)
    lacking = {key: value for key, value in torch.load(folder / 'model.pth').items() if 'blocks.1.norm1' not in key}
    torch.save(lacking, folder / 'lacking.pth')
    lacks = 'it lacks blocks.1.norm1.bias, blocks.1.norm1.weight'
    assert lacks in fail(TOOL, *data, '--model', 'model.py', 'lacking.pth', *QUICK, cwd=folder)
    assert 'absent.py is not there' in fail(TOOL, *data, '--model', 'absent.py', *QUICK, cwd=folder)
