"""Measures what a training step of a model takes, so that all can be given the same time."""

import json
import logging
import math
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner

from mmdefusion.registry import HOOKS
from mmdefusion.utils.files import write_text
from mmdefusion.utils.kept import read_kept

from ..complexity import build_model
from ..measured_once import measure_once
from ..trial import Trial
from .kept_tokens import kept_tokens_hooks

STEPS = 6  # the first one is slow: memory is allocated
SEED = 0


@dataclass(frozen=True)
class Pace:
    """What a training takes.

    Attributes:
        seconds: of a step.
        before: seconds before the first step, of tokens that are kept; on a GPU, with reading the pairs.
    """

    seconds: float
    before: float = 0.0


def measure_pace(trial: Trial, kept: Path) -> Pace:
    """Measures what a training takes, once: a resumed comparison must not plan anew.

    On a CPU this is processor time per thread, which other programs do not lengthen; on a GPU, time. Reading pairs is
    left out: it is the same for all models and goes on beside the training.

    Args:
        trial: a trial of the model, of any number of iterations.
        kept: file of the result.

    Returns:
        The fastest of a few steps after the first, and what comes before them.

    Raises:
        RuntimeError: if the model cannot be trained for a step.
    """
    write_text(kept.with_suffix('.py'), trial.config)
    what = f'{kept.stem}: the time of a training step'
    return measure_once(kept, partial(_read, kept, trial.key), _measure, (kept, trial.key), what)


def _read(kept: Path, key: str) -> Pace | None:
    found = read_kept(kept, key=str, seconds=(int, float), before=(int, float))
    if not found or found.pop('key') != key:
        return None
    pace = Pace(**found)
    return pace if 0 < pace.seconds < math.inf and 0 <= pace.before < math.inf else None


def _measure(kept: Path, key: str) -> None:
    config = Config.fromfile(kept.with_suffix('.py'))
    torch.manual_seed(SEED)
    model = build_model(config, get_device()).train()
    logging.disable(logging.INFO)  # MMEngine tells of every weight
    try:
        model.init_weights()  # as a training begins: tokens of a closed decomposition (SumInit) take half the time
    finally:
        logging.disable(logging.NOTSET)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    loader = dict(config.train_dataloader, num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(loader, seed=SEED)
    start = _clock()
    for hook in kept_tokens_hooks(config):
        HOOKS.build({key: value for key, value in hook.items() if key != 'priority'}).keep(
            model, loader.dataset, config
        )
    before = _clock() - start
    batches, seconds = iter(loader), []
    for _ in range(STEPS):
        batch = next(batches)
        start = _clock()
        model.train_step(batch, wrapper)
        seconds.append(_clock() - start)
    write_text(kept, json.dumps(dict(key=key, **asdict(Pace(min(seconds[1:]), before)))))


def _clock() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time() / torch.get_num_threads()
