"""Exact resuming of detection and segmentation: as if there had been no interruption."""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from torch.utils.data import DataLoader

from mmdefusion.registry import HOOKS
from mmdefusion.utils.seeding import seed_all, shared_seed

BATCHES = 'batches_of_an_epoch'  # of the run, in its message hub and so in its checkpoints


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Makes MMEngine's loops repeatable from any checkpoint, for any data set, sampler and transforms.

    The random numbers of the model depend only on the seed of the run, the process and the iteration; those of a sample
    on its place in the run, whatever the number of workers. So no state of a generator has to be saved. MMEngine does
    not restore generators, its resumed IterBasedTrainLoop loads all earlier samples again, and its EpochBasedTrainLoop
    trains again on those of a pass that was interrupted; here only their indices are sampled again, without loading
    files.

    The caches of transforms (mmdet's CachedMosaic) and accumulated gradients are not restored.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Any) -> None:
        """Rebuilds the training dataloader with seeded batches, starting at the iteration of the run."""
        loop = runner.train_loop
        loop.dataloader = self._seeded(runner, loop.dataloader)
        if isinstance(loop, IterBasedTrainLoop):
            loop.dataloader_iterator = endless(loop.dataloader, loop.iter)
        elif isinstance(loop, EpochBasedTrainLoop):
            self._skip_trained(runner, loop)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Seeds the model's dropout and sampling."""
        seed_all(runner.seed, get_rank(), runner.iter)

    def _skip_trained(self, runner: Any, loop: EpochBasedTrainLoop) -> None:
        """Skips the batches of an interrupted pass that the run was trained on, which MMEngine would repeat.

        With other batches or data than before, nobody knows which these are, and the pass begins anew.
        """
        batches, kept = len(loop.dataloader), runner.message_hub.runtime_info.get(BATCHES)
        trained = loop.iter - loop.epoch * batches
        if kept == batches and 0 < trained <= batches:
            runner.logger.info(f'ExactResumeHook: {trained} of {batches} batches of this epoch were trained on before.')
            loop.dataloader.batch_sampler.skip = trained
            _number_from(loop, trained)
        runner.message_hub.update_info(BATCHES, batches)

    def _seeded(self, runner: Any, loader: DataLoader) -> DataLoader:
        seed = shared_seed(runner)  # a resumed run has the seed of its checkpoint
        config = copy.deepcopy(dict(runner.cfg.train_dataloader))
        config.pop('num_batch_per_epoch', None)  # the data set has it already
        config['dataset'] = loader.dataset
        config['sampler'] = dict(config['sampler'], seed=seed)
        config['batch_sampler'] = dict(
            type='mmdefusion.SeededBatchSampler',
            seed=seed,
            drop_last=config.pop('drop_last', False),
            batch_sampler=config.get('batch_sampler'),
        )
        return runner.build_dataloader(config, seed=seed)


def _number_from(loop: EpochBasedTrainLoop, trained: int) -> None:
    """Lets hooks see the batches of this pass by their numbers in it, as if the first ones had not been skipped."""
    step, interrupted = loop.run_iter, loop.epoch

    def numbered(index: int, batch: Any) -> None:
        step(index + trained if loop.epoch == interrupted else index, batch)

    loop.run_iter = numbered


def endless(loader: DataLoader, taken: int) -> Iterator[Any]:
    """Yields the batches of endless passes.

    Args:
        loader: dataloader with a :class:`SeededBatchSampler`.
        taken: number of batches that the run was trained on. MMEngine's loop requests and discards these, so they are
            None.
    """
    yield from itertools.repeat(None, taken)
    loader.batch_sampler.skip = taken
    for epoch in itertools.count():
        if hasattr(loader.batch_sampler.sampler, 'set_epoch'):
            loader.batch_sampler.sampler.set_epoch(epoch)
        skipped, batch = loader.batch_sampler.skip, None
        for batch in loader:
            yield batch
        if batch is None and not skipped:
            raise ValueError(
                f'The training set has {len(loader.dataset)} samples, and its loader makes no batch of them: lower '
                'train_dataloader.batch_size, or leave drop_last out.'
            )
