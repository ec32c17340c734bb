import json
import os
import re
from pathlib import Path

import cv2
import pytest
import torch
from helpers.warm_process import run_tool
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdefusion.experiments import Disturbance
from mmdefusion.registry import MODELS
from mmdefusion.scenes import write_scenes

pytest.importorskip('mmseg')
ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/demo/defusionpp_vit-nano_fcn_1xb2-850_scenes-160x128.py'


def run(tool: str, *arguments: object) -> str:
    result = run_tool(ROOT / 'tools' / tool, *arguments)
    assert result.returncode == 0, (result.stdout + result.stderr)[-3000:]
    return result.stdout + result.stderr


@pytest.fixture(scope='module')
def model(tmp_path_factory) -> tuple[Path, list[str]]:
    """An untrained segmenter, and options that point it to some scenes."""
    folder = tmp_path_factory.mktemp('model')
    write_scenes(folder / 'scenes', train=1, test=3, size=(96, 80), seed=0)
    config = Config.fromfile(CONFIG)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    network = MODELS.build(config.model)
    network.init_weights()
    torch.save(dict(state_dict=network.state_dict()), folder / 'untrained.pth')
    return folder / 'untrained.pth', ['--cfg-options', f'test_dataloader.dataset.data_root={folder}/scenes']


@pytest.mark.slow
def test_a_table_curves_and_nothing_twice(model, tmp_path):
    checkpoint, options = model
    arguments = ['--model', CONFIG, checkpoint, '--out-dir', tmp_path, '--missing', 'infrared', '--shifts', 4]
    arguments += ['--corruptions', 'fog', '--levels', 1, 5, *options]
    run('analysis_tools/robustness.py', *arguments)
    table = (tmp_path / 'table.md').read_text()
    conditions = ['as it is', 'without infrared', 'shift 4 px', 'fog:1', 'fog:5']
    assert [line.split('|')[1].strip() for line in table.splitlines()[-5:]] == conditions
    assert cv2.imread(str(tmp_path / 'curves.png')).std() > 10
    (found,) = json.loads((tmp_path / 'scores.json').read_text()).values()
    assert list(found) == conditions and len({scores['aAcc'] for scores in found.values()}) > 1
    before = (tmp_path / 'scores.json').stat().st_mtime_ns
    run('analysis_tools/robustness.py', *arguments)
    assert (tmp_path / 'table.md').read_text() == table
    assert (tmp_path / 'scores.json').stat().st_mtime_ns == before


def test_what_cannot_be_disturbed_is_told_before_any_test(model, tmp_path):
    checkpoint, options = model
    config = tmp_path / 'fused.py'
    config.write_text(f'_base_ = {str(CONFIG)!r}\nfused_images = True\n')
    arguments = '--model', config, checkpoint, '--out-dir', tmp_path / 'out', *options
    result = run_tool(ROOT / 'tools/analysis_tools/robustness.py', *arguments)
    assert result.returncode == 1 and 'Traceback' not in result.stderr
    assert result.stderr.strip().startswith('The model reads fused images, made beforehand')
    assert not (tmp_path / 'out/logs').exists()


@pytest.mark.slow
def test_other_data_are_tested_again(model, tmp_path):
    checkpoint, _ = model
    scenes = write_scenes(tmp_path / 'scenes', train=1, test=1, size=(96, 80))
    options = '--missing', '--shifts', '--corruptions', '--cfg-options', f'test_dataloader.dataset.data_root={scenes}'
    for times in (1, 2):
        run('analysis_tools/robustness.py', '--model', CONFIG, checkpoint, '--out-dir', tmp_path / 'out', *options)
        assert len(json.loads((tmp_path / 'out/scores.json').read_text())) == times
        os.utime(next((scenes / 'test/ir').iterdir()), ns=(0, 0))


@pytest.mark.slow
def test_the_test_tool_disturbs(model, tmp_path):
    checkpoint, options = model
    arguments = CONFIG, checkpoint, '--work-dir', tmp_path, '--missing', 'infrared', '--corrupt', 'darkness:5'
    assert re.search(r'mIoU: [\d.]+', run('test.py', *arguments, '--shift', 3, *options))
    (dumped,) = tmp_path.glob('*.py')
    pipeline = Config.fromfile(dumped).test_dataloader.dataset.pipeline
    steps = [step.type.split('.')[-1] for step in pipeline]
    assert steps[1:5] == ['AppendPartner', 'ShiftPartner', 'CorruptPair', 'DropModality'] and pipeline[2].pixels == 3


def test_words_for_disturbances():
    assert Disturbance.missing('random:0.3').transform['prob'] == 0.3
    assert Disturbance.corruption('fog:3').transform['level'] == 3
    for text in ('both', 'random', 'infrared:0.5', 'random:x'):
        with pytest.raises(ValueError, match=re.escape(repr(text))):
            Disturbance.missing(text)
    with pytest.raises(ValueError, match="'random:2': 2 is no share from 0 to 1"):
        Disturbance.missing('random:2')
    for text in ('fog', 'fog:6', 'rain:1'):
        with pytest.raises(ValueError, match='KIND:LEVEL'):
            Disturbance.corruption(text)
    config = Config(dict(test_dataloader=dict(dataset=dict(pipeline=[dict(type='LoadImageFromFile')]))))
    with pytest.raises(ValueError, match='no AppendPartner'):
        Disturbance.shift(2).apply(config)
