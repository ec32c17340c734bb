"""What a training in the process of the tests changed."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from unittest.mock import patch

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner


@dataclass
class Watched:
    """Of all trainings since the watch began.

    Attributes:
        losses: of each iteration.
        still: names of trainable parameters of which not one value moved.
        moved: how many did.
    """

    losses: list[float] = field(default_factory=list)
    still: list[str] = field(default_factory=list)
    moved: int = 0

    def assert_learnt(self) -> None:
        """Losses are finite, and the optimizer reached (nearly) every parameter.

        A query that no object was matched to, or a branch that no box fell into, may rest in one or two iterations.
        """
        assert self.losses and torch.tensor(self.losses).isfinite().all(), self.losses
        assert self.moved > 10 and len(self.still) < 0.1 * self.moved, f'{self.moved} moved, still: {self.still[:5]}'


class WatchHook(Hook):
    """Compares the weights after a training with those before it."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched

    def before_train(self, runner: Runner) -> None:
        trained = {name: value for name, value in runner.model.named_parameters() if value.requires_grad}
        # a norm's weights of 1 hide the steps of a warm-up's first iterations, which are below their last bit
        self.before = {name: value.detach().clone() for name, value in trained.items() if not value.eq(1).all()}

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        self.watched.losses.append(float(outputs['loss']))

    def after_train(self, runner: Runner) -> None:
        after = dict(runner.model.named_parameters())
        still = [name for name, value in self.before.items() if torch.equal(value, after[name])]
        self.watched.still += still
        self.watched.moved += len(self.before) - len(still)


@contextlib.contextmanager
def watched_training() -> Iterator[Watched]:
    """Watches every training of MMEngine's runner in this process."""
    watched = Watched()
    register = Runner.register_hooks

    def register_and_watch(runner: Runner, *args, **kwargs) -> None:
        register(runner, *args, **kwargs)
        runner.register_hook(WatchHook(watched))

    with patch.object(Runner, 'register_hooks', register_and_watch):
        yield watched
