"""What a user may get wrong is told by train.py in a line, before anything is trained."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.tools_in_process import fail, run
from helpers.toy_run import ToyDataset, toy_config
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, DefaultScope

from mmdefusion.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook
from mmdefusion.scenes import write_scenes

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ROOT / 'tools/train.py'
DETECTOR = ROOT / 'configs/demo/defusionpp_vit-nano_atss_1xb2-500_scenes-160x128.py'
RUNTIME = ROOT / 'configs/_base_/detection_runtime.py'


@pytest.fixture
def folder(tmp_path) -> Path:
    toy_config(tmp_path / 'run', RUNTIME, 2).dump(tmp_path / 'toy.py')
    config = Config.fromfile(tmp_path / 'toy.py')
    config.val_dataloader = None
    config.dump(tmp_path / 'toy.py')
    (tmp_path / 'empty.py').write_text('x = 1')
    (tmp_path / 'broken.py').write_text('x = [')
    (tmp_path / 'nameless.py').write_text('x = y')
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
        (['toy.py', '--cfg-options', 'val_dataloader.num_workers=0'], 'not fit toy.py: .*cannot inherit from base'),
        (['toy.py', '--cfg-options', 'param_scheduler.7.end=9'], 'do not fit toy.py: Index 7 exceeds the length of'),
        (['broken.py'], r'broken.py cannot be read \(line 1: SyntaxError: .*\): correct it'),
        (['nameless.py'], r"nameless.py cannot be read \(line 1: NameError: name 'y' is not defined\): correct"),
        (
            [
                'toy.py',
                '--cfg-options',
                'optim_wrapper.constructor=mmdefusion.LayerDecayOptimWrapperConstructor',
                'optim_wrapper.paramwise_cfg.layer_decay_rate=0.7',
            ],
            '^LayerDecayOptimWrapperConstructor found 0 DeFusionEncoders in ToyModel, and needs one',
        ),
        (
            ['toy.py', '--cfg-options', 'train_dataloader.batch_size=0'],
            'toy.py: .*positive integer.*: correct it there',
        ),
    ],
)
def test_mistakes(folder, arguments, message):
    last = fail(TRAIN, *arguments, cwd=folder)
    assert re.search(message, last), last
    assert not list(folder.rglob('*.pth'))


PAIRS = 'train_dataloader.dataset'
MISTAKEN = {  # what to give besides, and what is told of it
    'num_classes': (
        ['model.bbox_head.num_classes=7'],
        r'\.py: The `num_classes` \(7\) in ATSSHead .*: correct it there',
    ),
    'dropout': (['model.data_preprocessor.modality_dropout=2'], '^modality_dropout=2'),
    'classes': ([f'{PAIRS}.metainfo.classes=(car,person,cone)'], '^.*train.json.*classes'),
    'sizes': ([f'{PAIRS}.data_prefix.img_ir=small/'], "^partner .*small.* is 9x9, .*size_mismatch='resize'"),
}


@pytest.fixture(scope='module')
def detector(tmp_path_factory) -> Path:
    """A folder with scenes, partners of another size, and a checkpoint of the detector of the demo."""
    pytest.importorskip('mmdet')
    folder = tmp_path_factory.mktemp('detector')
    write_scenes(folder / 'data/scenes', 2, 2, size=(96, 64))
    for part in ('train', 'test'):
        for path in (folder / f'data/scenes/{part}/ir').iterdir():
            (folder / 'data/scenes/small').mkdir(exist_ok=True)
            cv2.imwrite(str(folder / 'data/scenes/small' / path.name), np.zeros((9, 9), np.uint8))
    model = Config.fromfile(DETECTOR).model
    with DefaultScope.overwrite_default_scope('mmdet'):
        torch.save(dict(state_dict=MODELS.build(model).state_dict(), meta={}), folder / 'x.pth')
    return folder


@pytest.mark.parametrize('mistake', MISTAKEN)
def test_mistakes_about_data_and_models(mistake, detector):
    options, message = MISTAKEN[mistake]
    last = fail(TRAIN, DETECTOR, '--cfg-options', *options, cwd=detector)
    assert re.search(message, last), last
    assert 'before' not in last and not list(detector.rglob('iter_*.pth'))


@pytest.mark.parametrize('mistake', ['dropout', 'classes', 'sizes'])
def test_mistakes_in_a_test(mistake, detector):
    options, message = MISTAKEN[mistake]
    options = [one.replace('train_dataloader', 'test_dataloader') for one in options]
    last = fail(ROOT / 'tools/test.py', DETECTOR, 'x.pth', '--cfg-options', *options, cwd=detector)
    assert re.search(message.replace('train', 'test'), last), last


def test_masks_of_instances_are_not_augmented(tmp_path):
    config = ROOT / 'configs/detection/defusionpp_vit-tiny_mask-rcnn_1xb4-500i_scenes-160x128.py'
    last = fail(ROOT / 'tools/test.py', config, 'x.pth', '--tta', cwd=tmp_path)
    assert last.endswith(
        'mask-rcnn_1xb4-500i_scenes-160x128.py finds masks of instances, which mmdet does not augment: drop --tta.'
    )


def test_a_hook_is_left_out(folder):
    """MMEngine takes None for its own hooks only, and ended in an assertion."""
    run(TRAIN, 'toy.py', '--cfg-options', 'default_hooks.exact_resume=None', cwd=folder)
    (kept,) = (folder / 'run').glob('toy.py')
    assert 'exact_resume' not in Config.fromfile(kept).default_hooks
    assert (folder / 'run/iter_2.pth').is_file()


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
@pytest.mark.parametrize('kind', [TypeError, KeyError, ValueError, AssertionError])
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
    monkeypatch.setattr('helpers.toy_run.ToyDataset.load_data_list', lambda _: int('x'))
    with pytest.raises(ValueError, match='invalid literal'):  # in a data set of a user
        fail(TRAIN, 'toy.py', cwd=folder)
    last = fail(TRAIN, 'toy.py', '--cfg-options', handing, f'{data}.x=1', cwd=folder)
    assert "BaseDataset.__init__() got an unexpected keyword argument 'x': correct it there" in last


@pytest.mark.parametrize(
    'hook, traced',
    [
        ('before_run', False),
        ('before_train', False),
        ('before_train_epoch', False),
        ('before_train_iter', True),
        ('before_save_checkpoint', True),
        ('after_train', True),
    ],
)
def test_hooks_of_ours(folder, monkeypatch, hook, traced):
    """What they refuse is told in a line before the first step, and keeps its traceback behind it."""
    ours = {'__name__': 'mmdefusion.x'}
    exec("def refuse(*_, **__):\n    raise ValueError('no such thing.')", ours)
    monkeypatch.setattr(SafeCheckpointHook, hook, ours['refuse'], raising=False)
    if traced:
        with pytest.raises(ValueError, match='no such thing'):
            fail(TRAIN, 'toy.py', cwd=folder)
    else:
        assert fail(TRAIN, 'toy.py', cwd=folder) == 'no such thing.'


@pytest.mark.parametrize('late', [False, True])
def test_epochs_of_ours(folder, monkeypatch, late):
    """The first one is before the first step, later ones are not."""
    ours = {'__name__': 'mmdefusion.x', 'first': 1 if late else 0}
    exec("def refuse(_, runner):\n    if runner.iter >= first:\n        raise ValueError('no such thing.')", ours)
    monkeypatch.setattr(SafeCheckpointHook, 'before_train_epoch', ours['refuse'], raising=False)
    config = Config.fromfile(folder / 'toy.py')
    config.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2)
    config.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    config.dump(folder / 'toy.py')
    if late:
        with pytest.raises(ValueError, match='no such thing'):
            fail(TRAIN, 'toy.py', cwd=folder)
    else:
        assert fail(TRAIN, 'toy.py', cwd=folder) == 'no such thing.'


@pytest.mark.parametrize('hook', ['before_train', 'after_train'])
def test_a_hook_that_lacks_an_argument_somewhere(folder, monkeypatch, hook):
    """MMEngine raises a TypeError of its own in place of a hook's, which read like a mistake in the config."""
    monkeypatch.setattr(SafeCheckpointHook, hook, lambda *_, **__: Lacking(), raising=False)
    with pytest.raises(TypeError, match=r'Lacking.__init__\(\) missing'):
        fail(TRAIN, 'toy.py', cwd=folder)
