"""Detection and segmentation that go on as if they had not been interrupted."""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

from mmengine.dist import broadcast_object_list, get_rank
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop
from torch.utils.data import DataLoader

from mmdefusion.registry import HOOKS
from mmdefusion.utils.seeding import seed_all


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Makes MMEngine's loops repeatable from any checkpoint, for any data set, sampler and transforms.

    The random numbers of the model depend on the run's seed, the process and the iteration alone; those of a sample on
    its place in the run, whatever the number of workers. So what a checkpoint does not hold does not matter. MMEngine
    restores no generator, and a resumed IterBasedTrainLoop loads all that it was trained on again; here only the
    indices are drawn again, without their files.

    What transforms keep in memory (mmdet's CachedMosaic) and gradients that are accumulated are not repeated.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Any) -> None:
        """Builds the training data's loader again, with seeded batches, and goes to where the run is."""
        loop = runner.train_loop
        loop.dataloader = self._seeded(runner, loop.dataloader)
        if isinstance(loop, IterBasedTrainLoop):
            loop.dataloader_iterator = endless(loop.dataloader, loop.iter)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Seeds the model's dropout and sampling."""
        seed_all(runner.seed, get_rank(), runner.iter)

    def _seeded(self, runner: Any, loader: DataLoader) -> DataLoader:
        seed = [runner.seed]  # a resumed run has the one of its checkpoint
        broadcast_object_list(seed)
        config = copy.deepcopy(dict(runner.cfg.train_dataloader))
        config.pop('num_batch_per_epoch', None)  # is in the data set already
        config['dataset'] = loader.dataset
        config['sampler'] = dict(config['sampler'], seed=seed[0])
        config['batch_sampler'] = dict(
            type='mmdefusion.SeededBatchSampler',
            seed=seed[0],
            drop_last=config.pop('drop_last', False),
            batch_sampler=config.get('batch_sampler'),
        )
        return runner.build_dataloader(config, seed=seed[0])


def endless(loader: DataLoader, taken: int) -> Iterator[Any]:
    """Batches of one pass after the other.

    Args:
        loader: with a :class:`SeededBatchSampler`.
        taken: how many batches were trained on. MMEngine's loop asks for these first and throws them away: None each.
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
