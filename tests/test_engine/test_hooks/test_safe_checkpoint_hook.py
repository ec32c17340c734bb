import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers.full_disk import run_on_full_disk
from helpers.toy_run import toy_config
from mmengine._strategy import FSDPStrategy
from mmengine.runner import FlexibleRunner, Runner
from torch.distributed.fsdp import StateDictType

from mmdefusion.engine import SafeCheckpointHook
from mmdefusion.engine.checkpoint_files import refuse_broken_run
from mmdefusion.engine.hooks import safe_checkpoint_hook as hook_module
from mmdefusion.engine.hooks.safe_checkpoint_hook import WholeFiles
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.utils.unfinished import NAME

ROOT = Path(__file__).parents[3]
RUNTIME = ROOT / 'configs/_base_/detection_runtime.py'


def run(work_dir: Path, max_iters: int, checkpoint: dict | None = None, **options) -> Runner:
    config = toy_config(work_dir, RUNTIME, max_iters, default_hooks=dict(checkpoint=checkpoint or {}), **options)
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> Path:
    """A work dir with iter_2, iter_4 and iter_6."""
    work_dir = tmp_path_factory.mktemp('trained') / 'run'
    run(work_dir, 6, dict(max_keep_ckpts=3))
    return work_dir


def flip(path: Path) -> None:
    """400 bytes in the middle, where the weights are."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(byte ^ 255 for byte in content[middle : middle + 400])
    path.write_bytes(content)


HARMS: dict[str, tuple[Callable[[Path], object], int]] = {
    'nothing': (lambda run: None, 6),
    'empty last_checkpoint': (lambda run: (run / 'last_checkpoint').write_text(''), 6),
    'no last_checkpoint': (lambda run: (run / 'last_checkpoint').unlink(), 6),
    'last_checkpoint is no text': (lambda run: (run / 'last_checkpoint').write_bytes(b'\xff\0'), 6),
    'torn newest': (lambda run: os.truncate(run / 'iter_6.pth', 5000), 4),
    'empty newest': (lambda run: os.truncate(run / 'iter_6.pth', 0), 4),
    'flipped newest': (lambda run: flip(run / 'iter_6.pth'), 4),
    'two broken': (lambda run: (flip(run / 'iter_6.pth'), os.truncate(run / 'iter_4.pth', 9)), 2),
    'newest is gone': (lambda run: (run / 'iter_6.pth').unlink(), 4),
}


@pytest.mark.parametrize('harm', HARMS)
def test_goes_on_from_the_newest_that_is_whole(trained, tmp_path, harm):
    """In a folder that was moved, too."""
    work_dir = Path(shutil.copytree(trained, tmp_path / 'moved'))
    hurt, expected = HARMS[harm]
    hurt(work_dir)
    runner = run(work_dir, 8, resume=True)
    log = max(work_dir.glob('*/*.log')).read_text()
    assert f'resumed epoch: 0, iter: {expected}' in log
    assert (log.count('Skipped a checkpoint') > 0) == any(word in harm for word in ('torn', 'empty n', 'fl', 'two'))
    assert runner.iter == 8
    refuse_broken_run(work_dir / 'iter_8.pth')
    assert Path((work_dir / 'last_checkpoint').read_text()) == work_dir / 'iter_8.pth'


def test_nothing_whole_is_said_and_nothing_is_lost(trained, tmp_path):
    work_dir = Path(shutil.copytree(trained, tmp_path / 'run'))
    for path in work_dir.glob('*.pth'):
        os.truncate(path, 100)
    with pytest.raises(CheckpointError, match=r'None of the 3 checkpoints in .*iter_2\.pth is a damaged zip'):
        run(work_dir, 8, resume=True)
    assert len(list(work_dir.glob('*.pth'))) == 3


def test_nothing_there_starts_anew(tmp_path):
    (tmp_path / 'last_checkpoint').write_text('/gone/iter_6.pth')
    assert run(tmp_path, 2, resume=True).iter == 2


@pytest.mark.parametrize('hooks', [[], [dict(type='EMAHook')]], ids=['alone', 'averaged'])
def test_weights_of_something_else_are_no_start(hooks, tmp_path):
    torch.save(dict(state_dict={'decoder.weight': torch.ones(2)}), tmp_path / 'other.pth')
    with pytest.raises(
        CheckpointError, match=r'Nothing in .*other\.pth belongs to this model.* it holds decoder\.weight'
    ):
        run(tmp_path / 'run', 2, load_from=str(tmp_path / 'other.pth'), custom_hooks=hooks)
    held = {'layers.0.bias': torch.ones(8), 'decoder.weight': torch.ones(2)}
    torch.save(dict(state_dict=held), tmp_path / 'part.pth')
    assert run(tmp_path / 'run', 2, load_from=str(tmp_path / 'part.pth'), custom_hooks=hooks).iter == 2


@pytest.mark.parametrize('resume', [True, False])
def test_a_broken_file_that_is_named_is_refused(trained, tmp_path, resume):
    path = Path(shutil.copy(trained / 'iter_4.pth', tmp_path / 'a.pth'))
    flip(path)
    with pytest.raises(CheckpointError, match=r'a\.pth: its record .* does not match its checksum'):
        run(tmp_path / 'run', 8, resume=resume, load_from=str(path))


def test_the_old_one_is_there_until_the_new_one_is_whole(tmp_path, monkeypatch):
    seen = []
    put = WholeFiles.put

    def watched(self, content, path):
        seen.append(sorted(file.name for file in tmp_path.glob('*.pth')))
        if len(seen) == 3:
            raise KeyboardInterrupt
        put(self, content, path)

    monkeypatch.setattr(WholeFiles, 'put', watched)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 6, dict(max_keep_ckpts=1))
    assert seen == [[], ['iter_2.pth'], ['iter_4.pth']]
    assert [file.name for file in tmp_path.glob('*.pth')] == ['iter_4.pth']


def test_what_a_kill_left_to_delete_is_deleted_on_resuming(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(SafeCheckpointHook, '_remove', lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, 6, dict(max_keep_ckpts=1))
    assert sorted(file.name for file in tmp_path.glob('*.pth')) == ['iter_2.pth', 'iter_4.pth']
    run(tmp_path, 6, dict(max_keep_ckpts=1), resume=True)
    assert [file.name for file in tmp_path.glob('*.pth')] == ['iter_6.pth']


@pytest.mark.parametrize('fewer', [False, True])
def test_resuming_elsewhere_deletes_nothing_of_another_run(tmp_path, fewer):
    """Neither what the run that goes on would have deleted by its steps, nor its best checkpoint."""
    first, second = tmp_path / 'a', tmp_path / 'b'
    best = dict(save_best='score', rule='greater', interval=2, max_keep_ckpts=2)

    def go_on(work_dir: Path, max_iters: int, scores: list[float], **options) -> None:
        runner = Runner.from_cfg(
            toy_config(work_dir, RUNTIME, max_iters, default_hooks=dict(checkpoint=best), **options)
        )
        score_each_iteration(runner, scores)
        runner.train()

    go_on(first, 8, [0.1] * 7 + [0.2])
    given = torch.load(first / 'iter_8.pth')
    assert given['message_hub']['runtime_info']['keep_ckpt_ids'] == [6, 8]
    before = sorted(first.glob('*.pth'))
    second.mkdir()
    theirs = {second / f'iter_{step}.pth' for step in (4, 6, 8)}
    for path in theirs:
        path.write_bytes(b'of another run')
    best['max_keep_ckpts'] = 1 if fewer else 2  # a lower number lets MMEngine delete before the training
    go_on(second, 12, [0.3, 0.4, 0.5, 0.6], resume=True, load_from=str(first / 'iter_8.pth'))
    assert sorted(first.glob('*.pth')) == before
    assert theirs <= set(second.glob('*.pth')) and (second / 'best_score_iter_12.pth').exists()
    assert (second / 'iter_11.pth').exists() != fewer  # saved with a best one


def test_checkpoints_that_are_links_are_those_of_their_folder(tmp_path):
    """As git-annex makes them: the run that goes on with one deletes what it would have deleted."""
    best = dict(save_best='score', rule='greater', interval=2, max_keep_ckpts=2)
    for max_iters, scores in ((8, [0.1] * 7 + [0.2]), (12, [0.3, 0.4, 0.5, 0.6])):
        options = dict(resume=True, load_from=str(tmp_path / 'run/iter_8.pth')) if max_iters == 12 else {}
        config = toy_config(tmp_path / 'run', RUNTIME, max_iters, default_hooks=dict(checkpoint=best), **options)
        runner = Runner.from_cfg(config)
        score_each_iteration(runner, scores)
        runner.train()
        for path in sorted((tmp_path / 'run').glob('*.pth')) if max_iters == 8 else ():
            path.rename(tmp_path / path.name)
            path.symlink_to(tmp_path / path.name)
    kept = {path.name for path in (tmp_path / 'run').glob('*.pth')}
    assert not kept & {'iter_6.pth', 'iter_8.pth', 'best_score_iter_8.pth'}, kept


def score_each_iteration(runner: Runner, scores: list[float]) -> None:
    """As if there were a validation behind every training step."""
    hook = next(hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook))
    step, left = hook.after_train_iter, iter(scores)

    def validate(runner, **arguments):
        step(runner, **arguments)
        runner.train_loop._iter += 1
        hook.after_val_epoch(runner, dict(score=next(left)))
        runner.train_loop._iter -= 1

    hook.after_train_iter = validate


def test_the_best_is_there_until_a_better_one_is_whole(tmp_path, monkeypatch):
    put = WholeFiles.put
    seen = []

    def watched(self, content, path):
        if Path(path).name.startswith('best'):
            seen.append([file.name for file in tmp_path.glob('best*.pth')])
        put(self, content, path)

    monkeypatch.setattr(WholeFiles, 'put', watched)
    config = toy_config(tmp_path, RUNTIME, 4)
    config.default_hooks.checkpoint.update(save_best='score', rule='greater', interval=1, max_keep_ckpts=1)
    runner = Runner.from_cfg(config)
    score_each_iteration(runner, [0.1, 0.3, 0.2, 0.4])
    runner.train()
    assert seen == [[], ['best_score_iter_1.pth'], ['best_score_iter_2.pth']]
    assert sorted(file.name for file in tmp_path.glob('*.pth')) == ['best_score_iter_4.pth', 'iter_4.pth']


def test_full_disk_ends_the_run_and_keeps_the_last_one(tmp_path):
    result = run_on_full_disk(
        10**6,
        f"""
        import resource, sys
        from pathlib import Path
        sys.path.insert(0, {str(ROOT / 'tests')!r})
        from helpers.toy_run import toy_config
        from mmengine.hooks import Hook
        from mmengine.runner import Runner

        class Full(Hook):
            def before_train_iter(self, runner, batch_idx, data_batch=None):
                if runner.iter == 3:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        config = toy_config(Path({str(tmp_path)!r}), Path({str(RUNTIME)!r}), 6)
        config.default_hooks.checkpoint.max_keep_ckpts = 1
        runner = Runner.from_cfg(config)
        runner.register_hook(Full())
        runner.train()
        """,
    )
    assert result.returncode == 1 and 'Nothing was written' in result.stderr and 'iter_4.pth' in result.stderr
    assert [file.name for file in tmp_path.glob('*.pth')] == ['iter_2.pth']
    refuse_broken_run(tmp_path / 'iter_2.pth')
    assert run(tmp_path, 6, resume=True).iter == 6


def test_a_strategy_writes_the_best_file_whole_too(tmp_path, monkeypatch):
    beside = []
    name = hook_module.give_name
    monkeypatch.setattr(hook_module, 'give_name', lambda *paths: (beside.append(paths), name(*paths))[1])
    config = toy_config(tmp_path, RUNTIME, 2, strategy=dict(type='SingleDeviceStrategy'))
    config.default_hooks.checkpoint.update(save_best='score', rule='greater', interval=2)
    runner = FlexibleRunner.from_cfg(config)
    score_each_iteration(runner, [0.1, 0.3])
    runner.train()
    assert all(NAME.fullmatch(unfinished.name) for unfinished, _ in beside)
    assert {path.name for _, path in beside} == {'best_score_iter_1.pth', 'iter_2.pth', 'best_score_iter_2.pth'}
    assert sorted(file.name for file in tmp_path.glob('*.pth')) == ['best_score_iter_2.pth', 'iter_2.pth']


def test_a_strategy_writes_whole_files_too(tmp_path, monkeypatch):
    """MMEngine's FlexibleRunner, which FSDP needs: its strategies write in place, whatever backend they are given."""
    beside = []
    name = hook_module.give_name
    monkeypatch.setattr(hook_module, 'give_name', lambda *paths: (beside.append(paths), name(*paths))[1])
    for folder, stops in (('whole', [6]), ('resumed', [2, 6])):
        for stop in stops:
            config = toy_config(tmp_path / folder, RUNTIME, stop, strategy=dict(type='SingleDeviceStrategy'))
            config.default_hooks.checkpoint.max_keep_ckpts = 1
            config.resume = stop > stops[0]
            FlexibleRunner.from_cfg(config).train()
        assert [file.name for file in (tmp_path / folder).glob('*.pth')] == ['iter_6.pth']
    assert all(NAME.fullmatch(unfinished.name) for unfinished, _ in beside)
    assert [path.name for _, path in beside] == ['iter_2.pth', 'iter_4.pth', 'iter_6.pth'] * 2
    whole, resumed = (torch.load(tmp_path / folder / 'iter_6.pth')['state_dict'] for folder in ('whole', 'resumed'))
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


@pytest.mark.parametrize('kind, refused', [('LOCAL', True), ('SHARDED', True), ('FULL', False)])
def test_folders_of_shards_are_refused(kind, refused):
    strategy = FSDPStrategy.__new__(FSDPStrategy)  # it wants a GPU
    strategy.state_dict_type = StateDictType[f'{kind}_STATE_DICT']
    runner = SimpleNamespace(strategy=strategy, _has_loaded=True)
    if refused:
        with pytest.raises(ValueError, match=r"FSDPStrategy would save a folder .*set strategy.state_dict_cfg='full'"):
            SafeCheckpointHook(interval=1).before_run(runner)
    else:
        SafeCheckpointHook(interval=1).before_run(runner)


def test_a_config_in_a_checkpoint_is_not_run(trained, tmp_path):
    """MMEngine reads meta.config of old files as Python."""
    content = torch.load(trained / 'iter_6.pth')
    content['meta']['config'] = f'open({str(tmp_path / "canary")!r}, "w").close()'
    torch.save(content, tmp_path / 'iter_6.pth')
    assert run(tmp_path, 8, resume=True).iter == 8
    assert not (tmp_path / 'canary').exists()
