"""What a user may get wrong is told by train.py in a line, before anything is trained."""

import re
from pathlib import Path

import pytest
import torch
from helpers.tools_in_process import fail, run
from helpers.toy_run import ToyDataset, toy_config
from mmengine.config import Config
from mmengine.registry import DATASETS

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ROOT / 'tools/train.py'
RUNTIME = ROOT / 'configs/_base_/detection_runtime.py'


@pytest.fixture
def folder(tmp_path) -> Path:
    toy_config(tmp_path / 'run', RUNTIME, 2).dump(tmp_path / 'toy.py')
    (tmp_path / 'empty.py').write_text('x = 1')
    (tmp_path / 'file').touch()
    return tmp_path


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['empty.py'], 'empty.py has no model, train_dataloader, train_cfg, optim_wrapper: give the config of a'),
        ([ROOT / 'configs/fusion/defusionpp_vit-tiny_tno.py'], 'tno.py has no train_dataloader, train_cfg, optim_'),
        (
            ['toy.py', '--work-dir', 'file'],
            'written into file .*exists.*: choose another folder. Name it by --work-dir',
        ),
        (['toy.py', '--work-dir', 'file/a/b'], 'written into file/a/b .*: choose another folder. Name it by'),
        (['toy.py', '--cfg-options', 'model.brokn=x'], "toy.py: .*unexpected keyword argument 'brokn': correct it"),
        (['toy.py', '--cfg-options', 'model.type=Toy'], 'toy.py: Toy is not in the mmengine::model registry: correct'),
        (
            ['toy.py', '--cfg-options', 'optim_wrapper.optimizer.lrr=1'],
            "toy.py: .*unexpected keyword argument 'lrr': correct it there, or in --cfg-options",
        ),
        (['toy.py', '--cfg-options', 'train_dataloader.x=1'], "toy.py: .*unexpected keyword argument 'x': correct it"),
        (['toy.py', '--cfg-options', 'train_dataloader.dataset.x=1'], "toy.py: BaseDataset.*argument 'x': correct it"),
    ],
)
def test_mistakes(folder, arguments, message):
    last = fail(TRAIN, *arguments, cwd=folder)
    assert re.search(message, last), last
    assert not list(folder.rglob('*.pth'))


@pytest.mark.parametrize('resume', [[], ['--resume'], ['--resume', 'run/iter_2.pth']])
def test_a_work_dir_that_is_read_only(folder, monkeypatch, resume):
    """A superuser may write into it, so the system call is told to refuse."""
    run(TRAIN, 'toy.py', cwd=folder)

    def refuse(*_, **__):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('mmdefusion.utils.files.unfinished_of', refuse)
    last = fail(TRAIN, 'toy.py', *resume, cwd=folder)
    assert re.search('written into .*run .*Permission denied.*: choose another folder. Name it by --work-dir.', last)
    monkeypatch.setattr('mmdefusion.engine.resuming.holds_runs', refuse)
    monkeypatch.setattr('mmdefusion.engine.resuming.Path.exists', refuse)
    last = fail(TRAIN, 'toy.py', *resume, '--cfg-options', 'load_from=run/iter_2.pth', cwd=folder)
    assert 'Permission denied' in last and '--work-dir' in last


def test_the_learning_rate_follows_the_batch_size(folder):
    last = fail(TRAIN, 'toy.py', '--auto-scale-lr', cwd=folder)
    assert last == 'toy.py has no auto_scale_lr.base_batch_size: add it, or drop --auto-scale-lr.'
    config = Config.fromfile(folder / 'toy.py')
    config.auto_scale_lr = dict(enable=False, base_batch_size=config.train_dataloader.batch_size * 2)
    config.dump(folder / 'toy.py')
    for options, share in ([], 1), (['--auto-scale-lr'], 0.5):
        run(TRAIN, 'toy.py', *options, cwd=folder)
        (group,) = torch.load(folder / 'run/iter_2.pth')['optimizer']['param_groups']
        assert group['initial_lr'] == share * config.optim_wrapper.optimizer.lr


def test_half_precision_without_an_accelerator(folder, monkeypatch):
    monkeypatch.setattr('mmengine.device.get_device', lambda: 'cpu')
    last = fail(TRAIN, 'toy.py', '--amp', cwd=folder)
    assert '--cfg-options optim_wrapper.type=mmdefusion.BFloat16OptimWrapper instead' in last
    run(TRAIN, 'toy.py', '--amp', '--cfg-options', 'optim_wrapper.type=mmdefusion.BFloat16OptimWrapper', cwd=folder)
    (kept,) = (folder / 'run').glob('toy.py')
    assert Config.fromfile(kept).optim_wrapper.type == 'mmdefusion.BFloat16OptimWrapper'
    assert (folder / 'run/iter_2.pth').is_file()


class Lacking:
    """Made without its argument it raises what a mistake in a config raises."""

    def __init__(self, needed: int) -> None:
        self.needed = needed


@DATASETS.register_module(force=True)
class HandingDataset(ToyDataset):
    """Hands its arguments on, and has a bug where it reads.

    Args:
        within: whether the bug is in the constructor instead.
    """

    def __init__(self, within: bool = False, **options) -> None:
        super().__init__(**options)
        if within:
            Lacking()

    def prepare_data(self, idx: int) -> dict[str, torch.Tensor]:
        return dict(inputs=Lacking().needed)


@pytest.mark.parametrize('text', ['a bug', 'a registry. Please check'])
@pytest.mark.parametrize('kind', [TypeError, KeyError])
def test_other_errors_keep_their_traceback(folder, monkeypatch, kind, text):
    """Those of code, such as a model's, are for whoever writes it."""

    def step(*_, **__):
        raise kind(text)

    monkeypatch.setattr('helpers.toy_run.ToyModel.train_step', step)
    with pytest.raises(kind, match=text):
        fail(TRAIN, 'toy.py', cwd=folder)


def test_a_bug_that_reads_like_a_mistake_keeps_its_traceback(folder, monkeypatch):
    """In a training step, in a data set, in a worker, and in a constructor."""
    monkeypatch.setattr('helpers.toy_run.ToyModel.train_step', lambda *_, **__: Lacking())
    with pytest.raises(TypeError, match=r'Lacking.__init__\(\) missing'):
        fail(TRAIN, 'toy.py', cwd=folder)
    data = 'train_dataloader.dataset'
    handing, within = f'{data}.type=HandingDataset', f'{data}.within=1'
    for more in ('train_dataloader.num_workers=0', 'train_dataloader.num_workers=1', within):
        with pytest.raises(TypeError, match=r'Lacking.__init__\(\) missing'):
            fail(TRAIN, 'toy.py', '--cfg-options', handing, more, cwd=folder)
    last = fail(TRAIN, 'toy.py', '--cfg-options', handing, f'{data}.x=1', cwd=folder)
    assert "BaseDataset.__init__() got an unexpected keyword argument 'x': correct it there" in last
