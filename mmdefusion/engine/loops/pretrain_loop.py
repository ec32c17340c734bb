"""The training loop of pretraining, which resumes exactly."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.dist import get_rank
from mmengine.model import BaseModel
from mmengine.runner import IterBasedTrainLoop
from torch.utils.data import DataLoader

from mmdefusion.registry import LOOPS
from mmdefusion.utils.seeding import seed_all, shared_seed


@LOOPS.register_module()
class PretrainLoop(IterBasedTrainLoop):
    """MMEngine's iteration-based loop over one dataloader, or over several in turn.

    The random numbers of an iteration depend only on the seed of the runner, the rank and the iteration, and its data
    on the :class:`ResumableSampler`. So a run that was killed and resumed ends as an uninterrupted one. (Accumulated
    gradients are not saved: use a checkpoint interval that is a multiple of ``accumulative_counts``.)

    Args:
        runner: the runner.
        dataloader: config of a dataloader; with ``turns``, a dict with one config for each name.
        turns: names of the dataloaders that the iterations use in turn, such as ``('images', 'pairs')``.
        **kwargs: arguments of IterBasedTrainLoop, such as ``max_iters`` and ``val_interval``.

    Raises:
        ValueError: if a name in ``turns`` has no dataloader, or a sampler cannot be resumed.
    """

    def __init__(self, runner: Any, dataloader: dict, turns: Sequence[str] | None = None, **kwargs: Any) -> None:
        self.turns = tuple(turns or ('all',))
        configs = dataloader if turns else {'all': dataloader}
        if set(self.turns) - set(configs):
            raise ValueError(
                f'turns={self.turns} name dataloaders that do not exist: train_dataloader has {list(configs)}.'
            )
        seed = shared_seed(runner)
        self.dataloaders = {
            name: loader if isinstance(loader, DataLoader) else runner.build_dataloader(loader, seed=seed)
            for name, loader in configs.items()
            if name in self.turns
        }
        for name, loader in self.dataloaders.items():
            if not hasattr(loader.sampler, 'start'):
                raise ValueError(
                    f'The sampler of {name} is a {type(loader.sampler).__name__}, which cannot be resumed: set '
                    "sampler=dict(type='mmdefusion.ResumableSampler')."
                )
        super().__init__(runner, self.dataloaders[self.turns[0]], **kwargs)
        self.dataloader_iterator = None  # MMEngine's, whose workers would go on beside those of our batches

    def run(self) -> BaseModel:
        """Trains from the current iteration to the last."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')  # hooks prepare themselves there, in iteration-based training too
        batches = self._batches()
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(batches))
            self._decide_current_val_interval()
            if self._time_to_validate():
                self.runner.val_loop.run()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_iter(self, data_batch: Any) -> None:
        """Trains one iteration, with its own random numbers."""
        seed_all(self.runner.seed, get_rank(), self.iter)
        super().run_iter(data_batch)

    def _batches(self) -> Iterator[Any]:
        """Yields the batches from this iteration on, without loading earlier ones."""
        iterators, seed = {}, shared_seed(self.runner)  # a resumed run has the seed of its checkpoint
        for name, loader in self.dataloaders.items():
            taken = sum(self.turns[i % len(self.turns)] == name for i in range(self.iter))
            loader.sampler.start = taken * loader.batch_size
            loader.sampler.seed = seed
            iterators[name] = iter(loader)
        first = self.iter % len(self.turns)
        for name in itertools.cycle(self.turns[first:] + self.turns[:first]):
            yield next(iterators[name])

    def _time_to_validate(self) -> bool:
        due = self._iter >= self.val_begin and self._iter % self.val_interval == 0
        return self.runner.val_loop is not None and (due or self._iter == self._max_iters)
