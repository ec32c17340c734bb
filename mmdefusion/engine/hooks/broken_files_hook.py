"""Lists the files that could not be read."""

from pathlib import Path
from typing import Any

from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook

from mmdefusion.registry import HOOKS
from mmdefusion.utils.files import write_text


@HOOKS.register_module()
class BrokenFilesHook(Hook):
    """Adds skipped files to ``broken_files.txt``, every ``interval`` iterations and after training.

    Args:
        interval: number of iterations between two updates.
    """

    def __init__(self, interval: int = 1000) -> None:
        self.interval = interval

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if self.every_n_train_iters(runner, self.interval):
            self._write(runner)

    def after_train(self, runner: Any) -> None:
        self._write(runner)

    def _write(self, runner: Any) -> None:
        loop = runner.train_loop
        loaders = getattr(loop, 'dataloaders', {'all': loop.dataloader}).values()
        sets = [loader.dataset for loader in loaders if hasattr(loader.dataset, 'broken')]
        gathered = all_gather_object([path for data in sets for path in data.broken.paths()])
        target = Path(runner.work_dir) / 'broken_files.txt'
        if is_main_process() and any(gathered):
            text = target.read_text('utf-8', errors='surrogateescape') if target.is_file() else ''
            before = [line for line in text.split('\n') if line]
            paths = sorted({*before, *(path for paths in gathered for path in paths)})
            if len(paths) > len(before):
                write_text(target, '\n'.join(paths) + '\n')
                runner.logger.warning(f'{len(paths)} of {sum(map(len, sets))} files were skipped: {target} lists them.')
