"""Checkpoints that survive: a kill, a full disk, flipped bytes, a move, and torch's safe loader."""

from collections import deque
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.fileio import BaseStorageBackend, LocalBackend, register_backend
from mmengine.hooks import CheckpointHook

from mmdefusion.engine.checkpoint_files import find_latest_whole
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.registry import HOOKS
from mmdefusion.utils.files import give_name, unfinished_of, write_bytes, write_text

from .plain_checkpoint_hook import PlainCheckpointHook

BACKEND = 'mmdefusion.whole'
OUTDATED = 'outdated_ckpt_ids'  # in the message hub: what a checkpoint takes the place of


@register_backend(BACKEND, force=True)
class WholeFiles(LocalBackend):
    """MMEngine's file backend for local disks, whose files are there whole or not at all."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write beside the name, sync, rename."""
        write_bytes(filepath, obj)


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's hook, with checkpoints of which one is always whole, in ``default_hooks.checkpoint``.

    - A file is written beside its name, synced and renamed; what it replaces is deleted after that.
    - ``--resume`` takes the newest file that is whole by its checksums, says which it skipped, and needs neither
      ``last_checkpoint`` nor the work dir to be where they were. A file that is named must be whole, too.
    - Nothing but tensors and plain data is saved, by :class:`PlainCheckpointHook`: torch (2.6 and later) resumes with
      its safe loader.

    Args:
        *args, **kwargs: of MMEngine's CheckpointHook. Where its ``backend_args`` or a URL as ``out_dir`` say that files
            go elsewhere than to a local disk, that storage is left to MMEngine.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plain = PlainCheckpointHook()
        self.local = self.backend_args is None and self.file_client_args is None and '://' not in str(self.out_dir)
        if self.local:
            self.backend_args = dict(backend=BACKEND)

    def before_run(self, runner: Any) -> None:
        """Point a run that goes on to the newest whole checkpoint, before MMEngine looks for it.

        Raises:
            CheckpointError: if there are checkpoints and none is whole, or the one that is named is not.
            ValueError: if the runner's strategy saves folders of shards, which nobody can call whole.
        """
        strategy = getattr(runner, 'strategy', None)  # MMEngine's FlexibleRunner has one
        if not getattr(strategy, '_is_full_state_dict', lambda: True)():
            raise ValueError(
                f'SafeCheckpointHook keeps whole files, but {type(strategy).__name__} would save a folder with a shard '
                "of each process: set strategy.state_dict_cfg='full', or default_hooks.checkpoint.type='CheckpointHook'"
                ' and do without its guarantees.'
            )
        if runner._has_loaded:
            return
        if runner._load_from is not None:
            if Path(str(runner._load_from)).is_file():
                read_checkpoint(runner._load_from)
        elif runner._resume and self.local:
            outcome = [self._point_to_latest(runner) if is_main_process() else None]
            broadcast_object_list(outcome)
            if outcome[0]:
                raise CheckpointError(outcome[0])

    def _point_to_latest(self, runner: Any) -> str | None:
        """Write MMEngine's ``last_checkpoint``; returns what is to be raised, in every process."""
        pointer = Path(runner.work_dir) / 'last_checkpoint'
        folder = Path(runner.work_dir)
        if self.out_dir is not None:
            folder = Path(self.out_dir) / folder.name  # as MMEngine does
        latest, skipped = find_latest_whole(folder, Path(self.filename_tmpl).suffix)
        for line in skipped:
            runner.logger.warning(f'Skipped a checkpoint: {line}')
        if latest is not None:
            write_text(pointer, str(latest))
        elif skipped:
            return (
                f'None of the {len(skipped)} checkpoints in {folder} is whole ({" ".join(skipped)}) Delete them to '
                'start anew, or resume from one elsewhere.'
            )
        else:
            pointer.unlink(missing_ok=True)
            runner.logger.warning(f'There is no checkpoint in {folder} to resume from: training starts anew.')
        return None

    def before_train(self, runner: Any) -> None:
        """Delete what the run that is resumed would have deleted next."""
        super().before_train(runner)
        if is_main_process():
            self._remove_steps(runner.message_hub.get_info(OUTDATED, []))

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Leave plain data and tensors only."""
        self.plain.before_save_checkpoint(runner, checkpoint)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Undo that."""
        self.plain.after_load_checkpoint(runner, checkpoint)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        """Save, point to the file, delete what is too many: in this order, and MMEngine's is the other way round."""
        outdated = []
        if self.max_keep_ckpts > 0:
            steps = [old for old in self.keep_ckpt_ids if old != step] + [step]
            outdated = steps[: -self.max_keep_ckpts]
            self.keep_ckpt_ids = deque(steps[len(outdated) :], self.max_keep_ckpts)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
            runner.message_hub.update_info(OUTDATED, outdated)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        # a strategy (FSDP's, say) writes in place, whatever backend it is given
        beside = self.local and hasattr(runner, 'strategy')
        unfinished = unfinished_of(Path(self.last_ckpt))
        runner.save_checkpoint(
            self.out_dir,
            unfinished.name if beside else name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            if beside:
                give_name(unfinished, Path(self.last_ckpt))
            write_text(Path(runner.work_dir) / 'last_checkpoint', self.last_ckpt)
            self._remove_steps(outdated)

    def _save_best_checkpoint(self, runner: Any, metrics: dict) -> None:
        """Save the best, and only then delete the one that was."""
        backend, self.file_backend = self.file_backend, _DeletesLater(self.file_backend)
        try:
            super()._save_best_checkpoint(runner, metrics)
            outdated = self.file_backend.doomed
        finally:
            self.file_backend = backend
        best = {getattr(self, 'best_ckpt_path', None), *getattr(self, 'best_ckpt_path_dict', {}).values()}
        for path in outdated:
            if path not in best and is_main_process():
                self._remove(path)

    def _remove_steps(self, steps: list[int]) -> None:
        for step in steps:
            self._remove(self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step)))

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)


class _DeletesLater:
    """A file backend that only remembers what it should delete."""

    def __init__(self, backend: BaseStorageBackend) -> None:
        self.backend = backend
        self.doomed: list[str] = []
        self.remove = self.rmtree = self.doomed.append

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)


def use_safe_checkpoints(config: Config) -> None:
    """Puts :class:`SafeCheckpointHook` in the place of MMEngine's in a config, which may be a toolbox's own."""
    hook = config.get('default_hooks', {}).get('checkpoint', dict(type='CheckpointHook', interval=1))
    if hook and hook['type'] in ('CheckpointHook', 'mmengine.CheckpointHook'):
        safe = dict(hook, type='mmdefusion.SafeCheckpointHook')
        config.merge_from_dict(dict(default_hooks=dict(checkpoint=safe)))
