from pathlib import Path

import pytest
import torch
from helpers.tools_in_process import fail, run
from torch.testing import assert_close

from mmdefusion.models.checkpoints.reading import read_checkpoint

TOOL = Path(__file__).resolve().parents[2] / 'tools/model_converters/average_weights.py'
CFG = "model = dict(type='mmdefusion.PyramidDistiller')"
STEMS = '--start', 'neck.1.stems.', 'first.pth', 'stems.'


@pytest.fixture
def folder(tmp_path) -> Path:
    """Stems that a training began with, and its end: other stems in half precision, a guide from zero, a head."""
    torch.manual_seed(0)
    first = {
        'stems.conv.weight': torch.randn(4, 3),
        'stems.bn.running_var': torch.ones(4),
        'stems.bn.num_batches_tracked': torch.tensor(5),
        'levels.weight': torch.ones(2),
    }
    torch.save({'state_dict': first}, tmp_path / 'first.pth')
    end = {
        'neck.1.stems.conv.weight': torch.randn(4, 3).half(),
        'neck.1.stems.bn.running_var': torch.full((4,), 9.0),
        'neck.1.stems.bn.num_batches_tracked': torch.tensor(70),
        'neck.1.guide.weight': torch.randn(3),
        'neck.10.weight': torch.ones(2),
        'head.weight': torch.ones(3),
    }
    meta = {'iter': 9, 'cfg': CFG, 'numbers': {'mAP': 0.5}, 'hook_msgs': {'x': torch.zeros(1)}}
    torch.save({'state_dict': end, 'optimizer': {}, 'meta': meta}, tmp_path / 'end.pth')
    return tmp_path


def state(path: Path) -> dict:
    return read_checkpoint(path)['state_dict']


@pytest.mark.parametrize('share', [0.0, 0.25, 1.0])
@pytest.mark.parametrize('suffix', ['pth', 'safetensors'])
def test_weights_lie_between_start_and_end(folder, share, suffix):
    zero = '--start-at-zero', 'neck.1.guide.'
    printed = run(TOOL, 'end.pth', f'out.{suffix}', '--share', share, *STEMS, *zero, cwd=folder)
    assert f'out.{suffix}: 4 of 6 tensors between start and end; as they were trained: head.weight, neck.10' in printed
    first, end, found = (state(folder / name) for name in ('first.pth', 'end.pth', f'out.{suffix}'))
    for name in ('conv.weight', 'bn.running_var'):
        between = (1 - share) * first[f'stems.{name}'] + share * end[f'neck.1.stems.{name}'].float()
        assert_close(found[f'neck.1.stems.{name}'].float(), between, atol=1e-3, rtol=1e-3)
    assert_close(found['neck.1.guide.weight'], share * end['neck.1.guide.weight'])
    for name, value in end.items():
        assert found[name].dtype == value.dtype
    for name in ('neck.1.stems.bn.num_batches_tracked', 'neck.10.weight', 'head.weight'):
        assert torch.equal(found[name], end[name])
    meta = read_checkpoint(folder / f'out.{suffix}')['meta']
    assert meta == {'iter': 9, 'cfg': CFG, 'share_of_trained': share}


def test_published_weights_say_the_share_and_no_scores_of_others(folder):
    run(TOOL, 'end.pth', 'out.pth', '--share', 0.25, *STEMS, cwd=folder)
    (folder / 'run/vis_data').mkdir(parents=True)
    (folder / 'run/vis_data/scalars.json').write_text('{"coco/bbox_mAP": 0.5, "step": 9}')
    run(TOOL.with_name('publish_model.py'), 'out.pth', 'public/mean', '--fp16', cwd=folder)
    (published,) = (folder / 'public').iterdir()
    meta = read_checkpoint(published)['meta']
    assert (meta['share_of_trained'], meta['iter'], meta['numbers']) == (0.25, 9, {})


def test_a_name_of_the_package_s_weights_is_a_start(tmp_path):
    prior = read_checkpoint('prior')['state_dict']
    end = {name.replace('prior.', 'stem.', 1): torch.zeros_like(value) for name, value in prior.items()}
    torch.save({'state_dict': end}, tmp_path / 'end.pth')
    run(TOOL, 'end.pth', 'out.pth', '--start', 'stem.', 'prior', 'prior.', cwd=tmp_path)
    name = 'stems.0.downs.0.conv.weight'
    assert_close(state(tmp_path / 'out.pth')[f'stem.{name}'], prior[f'prior.{name}'] / 2)


@pytest.mark.parametrize('updated', ['first', 'end', 'both'])
def test_low_rank_updates_are_part_of_the_weights(tmp_path, updated):
    """The mean of the functions, where the start, the end or both were trained with ``lora_rank``."""
    torch.manual_seed(0)
    whole, states = {}, {}
    for name in ('first', 'end'):
        states[name] = {'a.weight': torch.randn(4, 3), 'a.bias': torch.randn(4)}
        whole[name] = states[name]['a.weight']
        if updated in (name, 'both'):
            states[name] |= {'a.low_rank_up': torch.randn(4, 2), 'a.low_rank_down': torch.randn(2, 3)}
            whole[name] = whole[name] + states[name]['a.low_rank_up'] @ states[name]['a.low_rank_down']
        torch.save({'state_dict': states[name]}, tmp_path / f'{name}.pth')
    printed = run(TOOL, 'end.pth', 'out.pth', '--start', 'a.', 'first.pth', 'a.', cwd=tmp_path)
    assert '2 of 2 tensors between' in printed
    found = state(tmp_path / 'out.pth')
    assert found.keys() == {'a.weight', 'a.bias'}
    assert_close(found['a.weight'], (whole['first'] + whole['end']) / 2)


def test_wrong_use_ends_with_one_line_and_writes_nothing(folder):
    torch.save({'state_dict': {'stems.conv.weight': torch.ones(3, 4)}}, folder / 'other.pth')
    torch.save({'state_dict': {'neck.1.stems.conv.weight': torch.full((2,), torch.nan)}}, folder / 'nan.pth')
    odd = {'state_dict': {'head.weight': torch.ones(1)}, 'meta': {'cfg': torch.ones(1)}}
    torch.save(odd, folder / 'odd.pth')
    stems = 'end.pth', 'out.pth', '--start', 'neck.1.stems.'
    for arguments, message in (
        (('end.pth', 'out.pth', '--start', 'nekc.', 'first.pth', 'stems.'), "end.pth: no weight begins with 'nekc.'"),
        (('end.pth', 'out.pth', '--start-at-zero', 'guide.'), "no weight begins with 'guide.'; the first are 'neck.1"),
        (
            ('end.pth', 'out.pth', '--start', 'head.', 'first.pth', 'stems.'),
            'first.pth has no stems.weight, which head',
        ),
        ((*stems, 'other.pth', 'stems.'), 'other.pth: stems.conv.weight has shape (3, 4)'),
        ((*stems, 'gone.pth', 'stems.'), 'gone.pth'),
        (('odd.pth', 'out.safetensors', '--start-at-zero', 'head.'), 'out.safetensors cannot be written, as meta'),
        (('nan.pth', 'out.pth', '--start-at-zero', 'neck.'), 'nan.pth'),
        (('end.pth', 'out.pth', '--share', 1.5, *STEMS), '--share 1.5 is not between 0 and 1'),
        (('end.pth', 'out.pth'), 'nothing to average with: give --start'),
        (('end.pth', 'first.pth', *STEMS), 'first.pth is there already'),
    ):
        assert message in fail(TOOL, *arguments, cwd=folder)
    assert not list(folder.glob('*out*'))
    assert set(state(folder / 'first.pth')) >= {'stems.conv.weight', 'levels.weight'}
