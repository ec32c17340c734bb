import copy
import json
from pathlib import Path

import pytest
from helpers.pretraining import joint_config, write_images, write_teacher
from helpers.tools_in_process import forget_instances
from mmengine.hooks import Hook

from mmdefusion.experiments import Trial


@pytest.fixture
def config(tmp_path):
    write_images(tmp_path / 'vi', 5)
    write_images(tmp_path / 'ir', 5, seed=1)
    write_teacher(tmp_path / 'teacher.pth')
    config = joint_config(tmp_path, max_iters=6)
    for loader in config.train_dataloader.values():
        loader.num_workers = 0
    config.test_dataloader, config.test_evaluator = config.val_dataloader, config.val_evaluator
    config.test_cfg = dict(type='TestLoop')
    config.default_hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2))
    config.custom_hooks = []
    config.pop('experiment_name')
    return config


def execute(trial: Trial, *hooks: Hook) -> None:
    """As in a process of its own: two runs of one second would share MMEngine's loggers and backends."""
    forget_instances()
    trial.execute(hooks)


class StopHook(Hook):
    """Fails in an iteration."""

    def __init__(self, at=4):
        self.at = at

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.at:
            raise RuntimeError('pulled the plug')


def test_is_done_once_and_anew_when_anything_changes(config, tmp_path):
    trial = Trial.of(config, tmp_path / 'trial')
    assert not trial.done()
    trial.run()
    assert trial.done() and set(trial.metrics()) >= {'fused/psnr_views', 'fused/ssim_identical'}
    assert not Trial.of(config, tmp_path / 'trial', basis='other data').done()
    config.model.cud_loss.common = 3.0
    assert not Trial.of(config, tmp_path / 'trial').done()


def test_how_a_folder_is_spelled_changes_nothing(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config.val_evaluator = dict(type='Scores', out_dir='runs/trial/scores', fused='runs/fused', others='runs2/fused')

    def trial(folder: str) -> Trial:
        moved = copy.deepcopy(config)
        moved.val_evaluator.update(out_dir=f'{folder}/trial/scores', fused=f'{folder}/fused')
        return Trial.of(moved, Path(folder) / 'trial', work_dir=Path(folder))

    keys = {trial(folder).key for folder in ('runs', f'{tmp_path}/runs', '/elsewhere/' + 'long/' * 30 + 'runs')}
    assert len(keys) == 1
    config.default_hooks.checkpoint.interval = 1  # saves more often, and gives the same scores
    assert trial('runs').key in keys
    config.val_evaluator.others = 'runs3/fused'
    assert trial('runs').key not in keys


@pytest.mark.soak
def test_interrupted_goes_on_and_ends_the_same(config, tmp_path):
    whole = Trial.of(config, tmp_path / 'whole')
    execute(whole)
    cut = Trial.of(config, tmp_path / 'cut')
    with pytest.raises(SystemExit):
        execute(cut, StopHook())
    assert 'pulled the plug' in cut.log.read_text() and not cut.done()
    execute(cut)
    assert 'resumed' in cut.log.read_text()
    assert cut.metrics() == pytest.approx(whole.metrics(), abs=1e-5)


def test_another_trial_in_the_same_folder_starts_afresh(config, tmp_path):
    with pytest.raises(SystemExit):
        execute(Trial.of(config, tmp_path / 'trial'), StopHook())
    config.model.cud_loss.common = 3.0
    other = Trial.of(config, tmp_path / 'trial')
    with pytest.raises(SystemExit):
        execute(other, StopHook(at=0))  # before its first checkpoint, so there is none to go on from
    (aside,) = tmp_path.glob('trial.before-*')
    assert list(aside.glob('iter_*.pth')) and (aside / 'config.py').is_file()  # hours of training are not deleted
    execute(other)
    assert 'resumed' not in other.log.read_text()
    assert json.loads((tmp_path / 'trial/metrics.json').read_text())['key'] == other.key


@pytest.mark.parametrize(
    'content', ['', '[]', '"x"', '{"key": null}', '{"key": "of 0.0.9", "metrics": 3}', '[' * 10**5]
)
def test_what_is_torn_or_foreign_costs_nothing(content, config, tmp_path):
    trial = Trial.of(config, tmp_path / 'trial')
    trial.folder.mkdir()
    for name in ('started.json', 'metrics.json'):
        (trial.folder / name).write_text(content)
    (trial.folder / 'iter_9.pth').write_bytes(b'weights')
    assert not trial.done() and not trial._prepare()
    (aside,) = tmp_path.glob('trial.before-*')
    assert (aside / 'iter_9.pth').read_bytes() == b'weights' and not (trial.folder / 'iter_9.pth').exists()
    with pytest.raises(ValueError, match=r'metrics.json holds no scores'):
        trial.metrics()


def test_failure_names_the_log(config, tmp_path):
    config.train_dataloader.images.dataset.folders = 'not-there'
    with pytest.raises(RuntimeError, match=r'trial failed: .*output\.log'):
        Trial.of(config, tmp_path / 'trial').run()


def test_files_of_others_in_its_folder_stay(config, tmp_path):
    (tmp_path / 'trial').mkdir()
    (tmp_path / 'trial/precious.txt').write_text('mine')
    with pytest.raises(SystemExit):
        execute(Trial.of(config, tmp_path / 'trial'), StopHook(at=0))
    assert (tmp_path / 'trial/precious.txt').read_text() == 'mine'
