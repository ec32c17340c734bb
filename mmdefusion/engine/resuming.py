"""What a config needs so that its training saves whole checkpoints and goes on from the newest."""

from pathlib import Path

from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log

from .checkpoint_files import holds_runs


def use_safe_checkpoints(config: Config) -> None:
    """Replaces MMEngine's hook in any config by :class:`SafeCheckpointHook`, in place."""
    hook = config.get('default_hooks', {}).get('checkpoint', dict(type='CheckpointHook', interval=1))
    stock = 'CheckpointHook', 'mmengine.CheckpointHook', 'mmengine.hooks.CheckpointHook', CheckpointHook
    if hook and hook['type'] in stock:
        safe = dict(hook, type='mmdefusion.SafeCheckpointHook')
        config.merge_from_dict(dict(default_hooks=dict(checkpoint=safe)))


def resume_latest(config: Config) -> None:
    """Lets a training go on from the newest whole checkpoint of its work dir; where none is, it begins as without this.

    MMEngine's ``resume`` without a checkpoint would begin from random weights, whatever ``load_from`` is.

    Args:
        config: with ``work_dir``; changed in place.
    """
    hook = config.get('default_hooks', {}).get('checkpoint') or {}
    elsewhere, folder = hook.get('out_dir'), Path(config.work_dir)
    if elsewhere:
        folder = Path(elsewhere, folder.name)  # as MMEngine does
    suffix = Path(hook.get('filename_tmpl') or 'x.pth').suffix
    local = '://' not in str(elsewhere) and not {'backend_args', 'file_client_args'} & {*hook}
    # a folder of shards is named there, and is none of these files
    nothing = local and not (folder / 'last_checkpoint').exists() and not holds_runs(folder, suffix)
    if config.get('load_from') and nothing:
        print_log(
            f'There is no checkpoint in {folder} to resume from: training starts from {config.load_from}.', 'current'
        )
        config.resume = False
        return
    config.resume, config.load_from = True, None
