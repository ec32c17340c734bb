"""A benchmark as a call in Python."""

from pathlib import Path

import pytest

from mmdefusion.scenes import write_scenes

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
from mmdefusion.experiments import Launcher
from mmdefusion.experiments.benchmark import find_models, known_models, run_benchmark

ROOT = Path(__file__).resolve().parents[2]
MODEL = 'resnet18-visible_fcn'


@pytest.fixture(scope='module')
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('data')
    scenes = write_scenes(folder / 'scenes', train=2, test=2, size=(96, 64))
    loader = f'dict(num_workers=0, persistent_workers=False, dataset=dict(data_root={str(scenes)!r}))'
    lines = [f'_base_ = {str(ROOT / "configs/_base_/datasets/scenes-segmentation.py")!r}']
    lines += [f'{part}_dataloader = {loader}' for part in ('train', 'val', 'test')]
    (folder / 'data.py').write_text('\n'.join(lines) + '\n')
    return folder / 'data.py'


def test_names_and_files_of_models():
    path = known_models()[MODEL]
    assert find_models([MODEL]) == find_models([path]) == [path]
    with pytest.raises(ValueError, match='resnet7_fcn: no such model; --list'):
        find_models([MODEL, 'resnet7_fcn'])
    with pytest.raises(ValueError, match='same name'):
        find_models([MODEL, path])


def test_settings_that_make_no_sense(data, tmp_path):
    two = Launcher('pytorch', 2)
    for wrong, named in (
        (dict(seeds=0), 'seeds=0'),
        (dict(at_once=2), 'at_once=2'),
        (dict(at_once=2, launcher=two), 'slurm'),
    ):
        with pytest.raises(ValueError, match=named):
            run_benchmark(data, [MODEL], work_dir=tmp_path, **wrong)


@pytest.mark.slow
def test_one_call_trains_tests_and_reports(data, tmp_path, capfd):
    told = []
    found = run_benchmark(data, [MODEL], '1i', seeds=1, work_dir=tmp_path / 'out', notify=told.append)
    assert not found.failed and found.report == tmp_path / 'out/report.html' and found.report.is_file()
    (entry,) = found.entries
    assert entry.name == MODEL and 0 <= entry.values('mIoU')[0] <= 100 and entry.complexity.parameters > 1e6
    assert found.scores.rows[0][0] == MODEL
    assert [line.split(': ')[1].split(',')[0][:8] for line in told] == ['training', 'done in ']
    assert capfd.readouterr().out == ''
