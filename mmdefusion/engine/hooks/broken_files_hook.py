"""What could not be read, in one list."""

from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook

from mmdefusion.registry import HOOKS


@HOOKS.register_module()
class BrokenFilesHook(Hook):
    """After training, and whenever a checkpoint is due, writes the files that were skipped to ``broken_files.txt``.

    Args:
        interval: iterations between two looks.
    """

    def __init__(self, interval: int = 1000) -> None:
        self.interval = interval
        self.written = 0

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if self.every_n_train_iters(runner, self.interval):
            self._write(runner)

    def after_train(self, runner: Any) -> None:
        self._write(runner)

    @master_only
    def _write(self, runner: Any) -> None:
        loop = runner.train_loop
        loaders = getattr(loop, 'dataloaders', {'all': loop.dataloader}).values()
        sets = [loader.dataset for loader in loaders if hasattr(loader.dataset, 'broken')]
        paths = [data.get_data_info(index)['img_path'] for data in sets for index in data.broken.indices()]
        if len(paths) > self.written:
            self.written = len(paths)
            target = Path(runner.work_dir) / 'broken_files.txt'
            target.write_text('\n'.join(paths) + '\n')
            runner.logger.warning(f'{len(paths)} of {sum(map(len, sets))} files were skipped: {target} lists them.')
