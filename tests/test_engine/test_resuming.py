import shutil
from pathlib import Path

import pytest
from helpers.toy_run import toy_config
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmdefusion.engine import resume_latest, use_safe_checkpoints

RUNTIME = Path(__file__).parents[2] / 'configs/_base_/detection_runtime.py'


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> Path:
    """A work dir with iter_2 and iter_4."""
    work_dir = tmp_path_factory.mktemp('trained') / 'run'
    Runner.from_cfg(toy_config(work_dir, RUNTIME, 4)).train()
    return work_dir


def test_resuming_where_nothing_is_begins_from_load_from(trained, tmp_path):
    config = toy_config(tmp_path / 'new', RUNTIME, load_from=str(trained / 'iter_4.pth'))
    resume_latest(config)
    assert not config.resume and config.load_from == str(trained / 'iter_4.pth')
    config.work_dir = str(trained)
    resume_latest(config)
    assert config.resume and config.load_from is None
    shutil.copy(trained / 'iter_4.pth', tmp_path / 'iter_4.pt')
    other = toy_config(tmp_path, RUNTIME, load_from=str(trained / 'iter_4.pth'))
    other.default_hooks.checkpoint.filename_tmpl = 'iter_{}.pt'
    resume_latest(other)
    assert other.resume and other.load_from is None
    far = toy_config(tmp_path / 'new', RUNTIME, load_from=str(trained / 'iter_4.pth'))
    far.default_hooks.checkpoint.out_dir = 's3://bucket/runs'  # nobody can look there
    resume_latest(far)
    assert far.resume and far.load_from is None
    config = toy_config(tmp_path / 'new', RUNTIME, load_from=str(trained / 'iter_4.pth'))
    config.default_hooks.checkpoint.out_dir = str(trained.parent)
    config.work_dir = str(tmp_path / trained.name)
    resume_latest(config)
    assert config.resume and config.load_from is None


def test_a_stock_config_keeps_its_own_hooks():
    """custom_hooks is a list, and one that is written anew takes the place of EMAHook; default_hooks is merged."""
    stock = dict(
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=10, max_keep_ckpts=3)),
        custom_hooks=[dict(type='EMAHook')],
    )
    ours = Config(stock)
    ours.merge_from_dict(dict(default_hooks=dict(checkpoint=dict(type='mmdefusion.SafeCheckpointHook'))))
    used = Config(stock)
    use_safe_checkpoints(used)
    for config in (ours, used):
        assert config.default_hooks.checkpoint == dict(
            type='mmdefusion.SafeCheckpointHook', interval=10, max_keep_ckpts=3
        )
        assert config.custom_hooks == [dict(type='EMAHook')]
    for kind in (CheckpointHook, 'mmengine.hooks.CheckpointHook'):  # as in configs of Python classes
        config = Config(dict(default_hooks=dict(checkpoint=dict(type=kind, interval=3))))
        use_safe_checkpoints(config)
        assert config.default_hooks.checkpoint == dict(type='mmdefusion.SafeCheckpointHook', interval=3)
    empty = Config()
    use_safe_checkpoints(empty)
    assert empty.default_hooks.checkpoint == dict(type='mmdefusion.SafeCheckpointHook', interval=1)
    for hook in (None, dict(type='mine.CheckpointHook')):
        config = Config(dict(default_hooks=dict(checkpoint=hook)))
        use_safe_checkpoints(config)
        assert config.default_hooks.checkpoint == hook
