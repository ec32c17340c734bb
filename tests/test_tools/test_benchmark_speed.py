import json
import sys
from pathlib import Path

import pytest
import torch
from helpers.warm_process import run_tool
from torch.testing import assert_close

from mmdefusion.experiments.speed import WORKS, Result, compare, measure_works, ratios
from mmdefusion.experiments.speed.roof import count
from mmdefusion.experiments.speed.timing import Timing
from mmdefusion.experiments.speed.works import ENCODER_OPTIONS, FusedFeatures, build_detector, prepare
from mmdefusion.models.backbones import SpatialPrior
from mmdefusion.models.layers import DropPath
from mmdefusion.models.layers.dropout import Dropout

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/benchmark_speed.py'
SMALL = dict(embed_dims=32, depth=3, num_heads=2, last_num_heads=4)


@pytest.mark.parametrize('work', ['features', 'images', 'segmenter'])
def test_the_textbook_gives_the_same(work):
    pair = torch.randn(2, 6, 40, 64)
    ours, textbook = (prepare(WORKS[work], form, pair)() for form in ('ours', 'textbook'))
    assert_close(ours, textbook, atol=1e-4, rtol=1e-4)


def test_the_textbook_learns_the_same(monkeypatch):
    """Losses and gradients of a step, where nothing is dropped."""
    pair, work = torch.randn(2, 6, 32, 48), WORKS['pretraining']
    for kind in (torch.nn.Dropout, Dropout):
        monkeypatch.setattr(kind, 'forward', lambda self, x: x)
    monkeypatch.setattr(DropPath, '_sample', lambda self, x: x.new_ones(len(x), 1, 1))
    ours, textbook = (prepare(work, form, pair) for form in ('ours', 'textbook'))
    first = [run() for run in (ours, textbook)]
    second = [run() for run in (ours, textbook)]  # after a step of the optimizer
    assert_close(*first)
    assert_close(*second, atol=1e-3, rtol=1e-3)
    assert second[0] < first[0]


@pytest.mark.parametrize('work', ['features', 'maps', 'detector'])
def test_a_closed_decomposition_sees_both_images_alike(work):
    pair = torch.randn(1, 6, 32, 48)
    swapped = torch.cat(pair.chunk(2, dim=1)[::-1], dim=1)
    closed, other, ours = (
        prepare(WORKS[work], form, images)() for form, images in (('closed', pair), ('closed', swapped), ('ours', pair))
    )
    assert_close(closed, other, atol=1e-4, rtol=1e-4)
    assert (closed - ours).abs().max() > 1e-3


def test_windows_come_with_a_prior_in_a_detector_that_trains():
    plain, windowed = (build_detector(encoder) for encoder in ({}, ENCODER_OPTIONS['windowed']))
    assert not any(isinstance(part, SpatialPrior) for part in plain.modules()) and plain.backbone.window is None
    assert windowed.backbone.spatial_prior is not None and windowed.backbone.encoder.window == 14
    assert prepare(WORKS['training'], 'windowed', torch.randn(1, 6, 64, 64))().isfinite()


@pytest.mark.parametrize('encoder', [{}, ENCODER_OPTIONS['windowed']])
def test_a_light_head_reads_narrow_maps(encoder):
    heads = [build_detector(encoder, light).bbox_head for light in (False, True)]
    assert [(len(head.cls_convs), head.in_channels, head.feat_channels) for head in heads] == [
        (4, 256, 256),
        (1, 64, 64),
    ]


def test_a_step_with_a_light_head_gives_a_loss():
    assert prepare(WORKS['light-training'], 'windowed', torch.randn(1, 6, 64, 64))().isfinite()


def test_coarse_keys_are_nearer_to_full_attention_than_windows_and_cost_fewer_operations():
    pair = torch.randn(1, 6, 160, 256)  # two windows of 10×8 patches with four cells each
    ours, windowed, pooled, rounded = (
        prepare(WORKS['features'], form, pair)() for form in ('ours', 'windowed', 'pooled', 'pooled bf16')
    )
    assert 0 < (ours - pooled).norm() < (ours - windowed).norm()
    assert 0 < (rounded - pooled).abs().max() < 0.02 * pooled.abs().max()
    operations = [
        count(FusedFeatures({**SMALL, 'depth': 12}, **ENCODER_OPTIONS[form]), torch.randn(1, 6, 1024, 1024))[0]
        for form in ('windowed', 'pooled')
    ]
    assert operations[0] > operations[1]


def test_windows_in_bfloat16_are_both():
    pair = torch.randn(1, 6, 32, 272)  # two windows
    ours, windowed, rounded = (
        prepare(WORKS['features'], form, pair)() for form in ('ours', 'windowed', 'windowed bf16')
    )
    scale = windowed.abs().max()
    assert (ours - windowed).abs().max() > 0.01 * scale
    assert 0 < (rounded - windowed).abs().max() < 0.02 * scale


def test_operations_and_exponentials_are_those_of_the_formula():
    model, pair = FusedFeatures(SMALL), torch.randn(1, 6, 32, 48)
    tokens, width, heads, encoder = 7, 32, 16, 2 * 2 + 4
    block = 2 * tokens * 12 * width**2  # projections and MLP
    attention = 2 * 2 * tokens**2 * width
    # twice: common and unique of two images, residual, fusion; once the mixer
    others = {'cross': 2 * (2 + 2 + 2), 'self': 2 * 2 + 2}
    operations, exponentials = count(model, pair)
    embedding = 2 * 2 * (tokens - 1) * 768 * width
    assert exponentials == tokens**2 * (2 * encoder + heads * sum(others.values())) + tokens * 4 * width * (6 + 6)
    least = embedding + (6 + 6) * (block + attention) + others['cross'] * (block + attention)
    assert least <= operations <= least + others['cross'] * 2 * tokens * 3 * width**2


@pytest.mark.skipif(sys.platform != 'linux', reason='peak memory is read from /proc')
def test_a_line_for_each_form_a_file_and_a_plot(tmp_path):
    options = '--sizes', 32, '64x32', '--repeats', 1, '--device', 'cpu', '--out', tmp_path / 'speed.json', '--profile'
    result = run_tool(TOOL, *options, '--forms', 'ours', 'windowed', 'textbook')
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('x as fast') == 4 and result.stdout.count('million exponentials') == 6
    found = json.loads((tmp_path / 'speed.json').read_text())['results']
    assert [one['size'] for one in found] == [[32, 32], [32, 64]]
    assert all(one['differences']['textbook'] < 1e-4 for one in found)
    assert (tmp_path / 'speed_features.png').is_file()


def result(ours: float, spread: float) -> Result:
    return Result('features', (32, 32), 1, dict(ours=Timing(ours, spread, 1), textbook=Timing(3.0, 0.01, 1)), None)


def test_what_became_slower_than_the_noise_is_found():
    before = ratios([result(1.0, 0.02)])
    for now, spread, slower in ((1.02, 0.0, False), (1.2, 0.02, True), (1.2, 0.3, False), (0.8, 0.0, False)):
        (change,) = compare(before, ratios([result(now, spread)]))
        assert change.slower == slower and change.before == 3.0


def test_rivals_give_maps():
    pytest.importorskip('mmdet')
    (found,) = measure_works(['maps'], [(32, 32)], 1, ['ours'], 1, torch.device('cpu'), 'cpu')
    assert len(found.timings) == 4 and all(timing.seconds > 0 for timing in found.timings.values())
