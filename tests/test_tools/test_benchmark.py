import re
import subprocess
from pathlib import Path

import cv2
import pytest
from helpers.warm_process import run_tool
from mmengine.config import Config

from mmdefusion.evaluation.trial_scores import short_name
from mmdefusion.experiments.benchmark import Budget
from mmdefusion.experiments.benchmark.pace import Pace
from mmdefusion.experiments.benchmark.plan import fit_weights, set_classes
from mmdefusion.scenes import write_scenes

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object) -> subprocess.CompletedProcess:
    return run_tool(ROOT / 'tools/benchmark.py', *arguments)


def write_data(folder: Path, kind: str) -> Path:
    """A config of a data set: some scenes."""
    scenes = write_scenes(folder / 'scenes', train=4, test=2, size=(96, 64))
    loader = f'dict(num_workers=0, persistent_workers=False, dataset=dict(data_root={str(scenes)!r}))'
    lines = [f'_base_ = {str(ROOT / f"configs/_base_/datasets/scenes-{kind}.py")!r}']
    lines += [f'{part}_dataloader = {loader}' for part in ('train', 'val', 'test')]
    if kind == 'detection':
        lines += [f'{part}_evaluator = dict(ann_file={str(scenes / "test.json")!r})' for part in ('val', 'test')]
    (folder / f'{kind}.py').write_text('\n'.join(lines) + '\n')
    return folder / f'{kind}.py'


@pytest.mark.soak
@pytest.mark.parametrize(('kind', 'head', 'score'), [('segmentation', 'fcn', 'mIoU'), ('detection', 'atss', 'AP50')])
def test_a_report_with_what_failed_and_nothing_twice(kind, head, score, tmp_path):
    data, out = write_data(tmp_path, kind), tmp_path / 'out'
    broken = tmp_path / f'broken_{head}_1xb4.py'
    broken.write_text(
        f'_base_ = {str(ROOT / f"configs/baselines/resnet18-visible_{head}_1xb4-500i_scenes-160x128.py")!r}\n'
        "model = dict(backbone=dict(modality='thermal'))\n"
    )
    models = f'resnet18-fused-images_{head},{broken},resnet18-early-fusion_{head}'
    arguments = '--data', data, '--models', models, '--seeds', 1, '--budget', '2i', '--work-dir', out
    result = run(*arguments)
    assert result.returncode == 1 and f'failed: broken_{head}' in result.stderr, result.stdout + result.stderr
    report = (out / 'report.md').read_text()
    assert score in report and 'All train on the same 4 pairs and see 8 of them (2 iterations of 4)' in report
    reason = rf"broken_{head}_seed0 failed: ValueError: .*modality='thermal' is none of .*output.log"
    assert re.search(reason, result.stdout) and re.search(f'Failed: broken_{head}: {reason}', report)
    assert re.search(rf'\| resnet18-early-fusion_{head} \| [\d.]+ \|', report)
    assert '| model | day | night |' in report
    page = (out / 'report.html').read_text()
    assert page.count('data:image/jpeg') == 3 + 2 * 5  # plots; two test pairs with both images, two models and truth
    assert all(cv2.imread(str(out / f'{name}.png')).std() > 10 for name in ('tradeoff', 'classes', 'curves'))
    assert cv2.imread(str(out / 'pictures.jpg')).shape[1] > 5 * 160
    for trial in (out / 'trials').iterdir():
        steps = [step.type for step in Config.fromfile(trial / 'config.py').train_dataloader.dataset.pipeline]
        assert steps.count('mmdefusion.ReplaceVisible') == ('fused-images' in trial.name)
    fused = sorted((out / 'fused').rglob('*.png'))
    assert len(fused) == 6 and cv2.imread(str(fused[0])).shape == (64, 96, 3)
    again = run(*arguments)
    assert again.stdout.count(': training') == 1  # the broken one


@pytest.mark.soak
def test_two_processes_see_twice_the_pairs(tmp_path):
    data, out = write_data(tmp_path, 'detection'), tmp_path / 'out'
    models = '--models', 'resnet18-visible_atss'
    distributed = '--launcher', 'pytorch', '--processes', 2
    result = run('--data', data, *models, *distributed, '--seeds', 1, '--budget', '2i', '--work-dir', out)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'see 16 of them (2 iterations of 8)' in (out / 'report.md').read_text()
    log = (out / 'trials/resnet18-visible_atss_seed0/output.log').read_text()
    assert 'GPU number: 2' in log  # MMEngine's word for processes


def test_models_of_the_other_toolbox_are_refused(tmp_path):
    result = run(
        '--data', write_data(tmp_path, 'detection'), '--models', 'resnet18-visible_fcn', '--work-dir', tmp_path
    )
    assert result.returncode == 1 and 'is a model of mmseg, detection.py is data of mmdet' in result.stderr
    result = run('--data', tmp_path / 'detection.py', '--models', 'resnet7_atss')
    assert result.returncode == 1 and 'resnet7_atss: no such model; --list' in result.stderr
    result = run('--data', tmp_path / 'detection.py', '--models', 'resnet18-visible_atss', '--at-once', 2)
    assert result.returncode == 2 and '--at-once is for --launcher slurm' in result.stderr


def test_light_heads_are_for_heads_that_are_known(tmp_path):
    data = write_data(tmp_path, 'detection')
    model = 'defusionpp_vit-tiny_faster-rcnn'
    result = run('--data', data, '--models', model, '--light', '--budget', '1i', '--work-dir', tmp_path / 'out')
    assert result.returncode == 1 and 'light heads are ATSSHead, FCNHead, not none' in result.stderr


def test_budgets():
    assert Budget.parse('500i').iterations(images=40, batch_size=4) == 500
    assert Budget.parse('3e').iterations(images=41, batch_size=4) == 33
    half_an_hour = Budget.parse('30min')
    assert half_an_hour.timed and half_an_hour.iterations(images=40, batch_size=4, pace=Pace(0.9)) == 2000
    assert Budget.parse('0.5min').iterations(40, 4, Pace(100)) == 1  # a slow model still takes a step
    with pytest.raises(ValueError, match='needs what a training of the model takes'):
        half_an_hour.iterations(40, 4)
    for text in ('500', 'e', '0i', '1.5e', '0min', '0.0min', '1.5', '.min', '9' * 40 + 'i'):
        with pytest.raises(ValueError, match='neither iterations'):
            Budget.parse(text)


def test_names_in_reports():
    assert short_name(Path('a_b_1xb4-500i_scenes-160x128.py')) == 'a_b'
    assert short_name(Path('a_b_1xb4-500i_scenes-160x128_dropout.py')) == 'a_b_dropout'
    assert short_name(Path('mine.py')) == 'mine'


def test_heads_are_fitted_to_the_classes():
    model = dict(head=[dict(num_classes=80, loss=dict(class_weight=[1.0] * 80 + [0.1]))])
    set_classes(model, 3)
    assert model == dict(head=[dict(num_classes=3, loss=dict(class_weight=[1.0, 1.0, 1.0, 0.1]))])
    tuned = dict(num_classes=2, loss=dict(class_weight=[0.3, 3.0]))
    set_classes(tuned, 2)
    assert tuned['loss']['class_weight'] == [0.3, 3.0]
    assert fit_weights([0.3, 3.0], 2, 3) == [1.0, 1.0, 1.0]
