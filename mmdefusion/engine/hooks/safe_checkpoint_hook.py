"""Saves checkpoints that survive a kill, a full disk, flipped bytes and a move, and that torch loads safely."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.fileio import BaseStorageBackend, LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from torch import nn

from mmdefusion.engine.checkpoint_files import find_latest_whole, refuse_broken_run
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.registry import HOOKS
from mmdefusion.utils.files import give_name, write_bytes, write_text
from mmdefusion.utils.unfinished import unfinished_name

from .plain_checkpoint_hook import PlainCheckpointHook

BACKEND = 'mmdefusion.whole'
OUTDATED = 'outdated_ckpt_ids'  # key in the message hub: the checkpoints that a new one replaces


@register_backend(BACKEND, force=True)
class WholeFiles(LocalBackend):
    """MMEngine's file backend for local disks, with atomic writing."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Writes under a temporary name, syncs, and renames."""
        write_bytes(filepath, obj)


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook with crash-safe files, for ``default_hooks.checkpoint``: one is always complete.

    - A file is written under a temporary name, synced and renamed; older checkpoints are deleted after that.
    - ``--resume`` takes the newest file that is complete by its checksums, names those that it skipped, and works
      without ``last_checkpoint`` and in a moved work dir. A file that is named must be complete, too.
    - ``load_from`` must have something for the model: MMEngine would only warn, and train from random weights.
    - Only tensors and plain data are saved, by :class:`PlainCheckpointHook`, so that torch (2.6 and later) resumes with
      its safe loader.

    Args:
        *args: arguments of MMEngine's CheckpointHook.
        **kwargs: likewise. If ``backend_args`` or a URL as ``out_dir`` select other storage than a local disk, MMEngine
            handles it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plain = PlainCheckpointHook()
        self._given = ''  # the names in a checkpoint that is being loaded
        self._versions: list[int] = []  # how often each parameter had been written before
        self.local = self.backend_args is None and self.file_client_args is None and '://' not in str(self.out_dir)
        if self.local:
            self.backend_args = dict(backend=BACKEND)

    def before_run(self, runner: Any) -> None:
        """Points a run that resumes to the newest complete checkpoint, before MMEngine looks for it.

        Raises:
            CheckpointError: if there are checkpoints and none is complete, or the one that is named is not.
            ValueError: if the strategy of the runner saves folders of shards, which cannot be checked.
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
            if (path := Path(str(runner._load_from))).is_file():
                refuse_broken_run(path) if runner._resume else read_checkpoint(path)
        elif runner._resume and self.local:
            outcome = [self._point_to_latest(runner) if is_main_process() else None]
            broadcast_object_list(outcome)
            if outcome[0]:
                raise CheckpointError(outcome[0])

    def _point_to_latest(self, runner: Any) -> str | None:
        """Writes MMEngine's ``last_checkpoint``; returns the error that every process has to raise, or None."""
        pointer, folder = Path(runner.work_dir) / 'last_checkpoint', self._folder(runner)
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

    def _folder(self, runner: Any) -> Path:
        """Where the checkpoints of a run go, before ``before_train`` makes that its ``out_dir``."""
        folder = Path(runner.work_dir)
        return folder if self.out_dir is None else Path(self.out_dir) / folder.name  # as MMEngine does

    def before_train(self, runner: Any) -> None:
        """Deletes the checkpoints that the resumed run would have deleted next, if it goes on in its own folder.

        Raises:
            CheckpointError: if nothing of a checkpoint that was loaded has gone into the model.
        """
        given = runner._load_from if runner._resume else None
        if given is not None and Path(str(given)).parent.resolve() != self._folder(runner).resolve():
            for key in ('keep_ckpt_ids', OUTDATED):  # steps of files that lie elsewhere
                runner.message_hub.update_info(key, [])
        super().before_train(runner)
        self._forget_foreign_best()
        if not runner._resume and self._versions and self._versions == _versions(runner.model):
            raise CheckpointError(
                f'Nothing in {runner._load_from} belongs to this model, which would start from random weights; it '
                f'holds {self._given}. Give a checkpoint of such a model; weights of an encoder alone are named by '
                "backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=...))."
            )
        self._versions = []
        if is_main_process():
            self._remove_steps(runner.message_hub.get_info(OUTDATED, []))

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Turns everything in the checkpoint into plain data and tensors."""
        self.plain.before_save_checkpoint(runner, checkpoint)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Restores the objects that MMEngine needs."""
        self.plain.after_load_checkpoint(runner, checkpoint)
        self._given = ', '.join([*list(checkpoint.get('state_dict', checkpoint))[:3], '...'])
        self._versions = _versions(runner.model)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        """Saves, points to the new file, then deletes old ones; MMEngine deletes first."""
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
        with self._atomic_strategy(runner):
            runner.save_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                **self.args,
            )
        if is_main_process():
            write_text(Path(runner.work_dir) / 'last_checkpoint', self.last_ckpt)
            self._remove_steps(outdated)

    def _forget_foreign_best(self) -> None:
        """Keeps the best checkpoint of a run in another folder from being deleted for a better one of this run."""
        folder = Path(self.out_dir).resolve()

        def own(path: str | None) -> str | None:
            return path if path and Path(path).parent.resolve() == folder else None

        self.best_ckpt_path = own(getattr(self, 'best_ckpt_path', None))
        self.best_ckpt_path_dict = {key: own(path) for key, path in getattr(self, 'best_ckpt_path_dict', {}).items()}

    def _save_best_checkpoint(self, runner: Any, metrics: dict) -> None:
        """Saves the best checkpoint, and only then deletes the previous one."""
        backend, self.file_backend = self.file_backend, _DeletesLater(self.file_backend)
        try:
            with self._atomic_strategy(runner):
                super()._save_best_checkpoint(runner, metrics)
            outdated = self.file_backend.doomed
        finally:
            self.file_backend = backend
        best = {getattr(self, 'best_ckpt_path', None), *getattr(self, 'best_ckpt_path_dict', {}).values()}
        for path in outdated:
            if path not in best and is_main_process():
                self._remove(path)

    @contextmanager
    def _atomic_strategy(self, runner: Any) -> Iterator[None]:
        """Lets a strategy (FSDP's, say) write atomically; by itself it writes in place, whatever the backend is."""
        strategy = getattr(runner, 'strategy', None)
        # within already: MMEngine saves the latest file again with a best one
        if strategy is None or not self.local or 'save_checkpoint' in vars(strategy):
            yield
            return
        save = strategy.save_checkpoint

        def save_atomically(filename: str, **arguments: Any) -> None:
            names = [unfinished_name(Path(filename))]
            broadcast_object_list(names)  # the processes write one file or folder, under one name
            try:
                save(str(names[0]), **arguments)
            except BaseException:
                if is_main_process():  # a full disk gets its space back
                    self._remove(str(names[0]))
                raise
            if is_main_process():
                give_name(names[0], Path(filename))

        strategy.save_checkpoint = save_atomically
        try:
            yield
        finally:
            del strategy.save_checkpoint

    def _remove_steps(self, steps: list[int]) -> None:
        for step in steps:
            self._remove(self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step)))

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)


def _versions(model: nn.Module) -> list[int]:
    """How often each parameter of a model was written; counters of BatchNorm are written by loading anything."""
    return [one._version for one in model.parameters()]


class _DeletesLater:
    """A file backend that only records what it should delete."""

    def __init__(self, backend: BaseStorageBackend) -> None:
        self.backend = backend
        self.doomed: list[str] = []
        self.remove = self.rmtree = self.doomed.append

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)
