"""Whole schedules of pretraining under low precision: no loss and no gradient may be NaN or infinite.

    python tests/reliability/soak_numerics.py [--steps 1.0] [--schedules NAME ...]

Trains a tiny network by the schedule of each of the sample's configs (all its steps, warm-up, decay, clipping and
optimizer), on small pictures and small batches, under float32, bfloat16 and float16 autocast on the CPU; float16 with
scaled gradients. Prints a row for docs/reliability.md, exits with 1 where something is not finite.
"""

import argparse
import itertools
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIMIZERS, PARAM_SCHEDULERS
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'tests')]

from helpers.pretraining import build, cud_config, mcud_config, write_teacher  # noqa: E402

from mmdefusion.scenes import SceneGenerator  # noqa: E402
from mmdefusion.utils.progress import track  # noqa: E402

SCHEDULES = (
    'defusionpp-cud_vit-tiny_1xb32-2500i_sample-112x112',
    'defusionpp-cud_vit-tiny_1xb16-1000i_sample-224x224',
    'defusionpp-mcud_vit-tiny_1xb16-600i_sample-224x224',
)
PRECISIONS = {'float32': None, 'bfloat16': torch.bfloat16, 'float16': torch.float16}
SIZE, BATCH, SCENES = (96, 64), 2, 24  # width and height


@dataclass
class Outcome:
    """Of one schedule.

    Attributes:
        steps: that were done.
        skipped: of them those whose scaled gradients overflowed, which float16 leaves out.
        first, last: mean losses of the first and the last tenth.
        broken: what was not finite, and when; empty if all was.
    """

    steps: int = 0
    skipped: int = 0
    first: float = 0.0
    last: float = 0.0
    broken: str = ''


def batches(turns: Sequence[str], seed: int = 0) -> Iterator[Tensor]:
    """Of visible and infrared images of scenes in [0, 1]: B×3×H×W images and B×6×H×W pairs, as ``turns`` say."""
    generator, images = SceneGenerator(SIZE), []
    for index in range(SCENES):
        scene = generator(index)
        infrared = scene.infrared.reshape(*scene.visible.shape[:2], 1).repeat(3, axis=2)
        images += [torch.from_numpy(image.copy()).permute(2, 0, 1) for image in (scene.visible, infrared)]
    whole = torch.stack(images).float() / 255  # a scene has 64 pixels at least: quarters of it are enough
    pool, random = (
        torch.cat([half for part in whole.chunk(2, 2) for half in part.chunk(2, 3)]),
        torch.Generator().manual_seed(seed),
    )
    for turn in itertools.cycle(turns):
        pairs = pool.unflatten(0, (-1, 2)).flatten(1, 2)  # each visible image and the infrared one behind it
        chosen = pairs if turn == 'pairs' else pool
        yield chosen[torch.randint(len(chosen), (BATCH,), generator=random)]


def run(schedule: str, precision: str, share: float) -> Outcome:
    """Trains by a config's schedule, or by the first ``share`` of its steps."""
    config = Config.fromfile(ROOT / f'configs/pretrain/{schedule}.py')
    turns = config.train_cfg.get('turns') or ('images',)
    with tempfile.TemporaryDirectory() as folder:
        write_teacher(Path(folder) / 'teacher.pth')
        model = build(mcud_config(f'{folder}/teacher.pth') if 'pairs' in turns else cud_config()).train()
        model.init_weights()
    optimizer = OPTIMIZERS.build(dict(config.optim_wrapper.optimizer, params=model.parameters()))
    wrapper = OptimWrapper(optimizer)
    schedulers = [PARAM_SCHEDULERS.build(dict(one, optimizer=wrapper)) for one in config.param_scheduler]
    scaler = torch.amp.GradScaler('cpu', enabled=precision == 'float16')
    dtype, outcome, losses = PRECISIONS[precision], Outcome(), []
    steps = max(10, round(share * config.train_cfg.max_iters))
    data = batches(turns)
    for step in track(range(steps), f'{precision}, {schedule}'):
        with torch.autocast('cpu', dtype=dtype or torch.bfloat16, enabled=dtype is not None):
            terms = model(next(data), mode='loss')
        loss = sum(terms.values())
        if not loss.isfinite():
            outcome.broken = f'step {step}: ' + ', '.join(f'{name} {float(value):g}' for name, value in terms.items())
            break
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.optim_wrapper.clip_grad.max_norm)
        if not norm.isfinite() and precision != 'float16':
            outcome.broken = f'step {step}: the norm of the gradients is {float(norm)}'
            break
        outcome.skipped += not norm.isfinite()
        scaler.step(optimizer)
        scaler.update()
        for scheduler in schedulers:
            scheduler.step()
        outcome.steps += 1
    bad = [name for name, weight in model.named_parameters() if not weight.isfinite().all()]
    outcome.broken = outcome.broken or (f'{bad[0]} is not finite in the end' if bad else '')
    tenth = max(2, len(losses) // 20 * 2)  # whole turns
    outcome.first, outcome.last = (sum(part) / max(1, len(part)) for part in (losses[:tenth], losses[-tenth:]))
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--steps', type=float, default=1.0, help='share of each schedule (default: 1, the whole)')
    parser.add_argument('--precisions', nargs='+', choices=PRECISIONS, default=list(PRECISIONS), help='default: all')
    parser.add_argument('--schedules', nargs='+', choices=SCHEDULES, default=SCHEDULES, help='default: all')
    args = parser.parse_args()
    torch.set_num_threads(1)
    MMLogger.get_current_instance().setLevel('WARNING')
    failed = False
    for schedule in args.schedules:
        for precision in args.precisions:
            outcome = run(schedule, precision, args.steps)
            failed |= bool(outcome.broken) or outcome.last >= outcome.first
            print(
                f'| {schedule} under {precision} | {outcome.steps} steps, {outcome.skipped} left out by the scaler | '
                f'loss {outcome.first:.1f} to {outcome.last:.1f}; {outcome.broken or "all finite"} |',
                flush=True,
            )
    raise SystemExit(failed)


if __name__ == '__main__':
    main()
