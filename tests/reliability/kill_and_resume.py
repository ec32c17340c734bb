"""Kills trainings with SIGKILL at random, inside writes too, and resumes them, until they are through.

python tests/reliability/kill_and_resume.py [pretraining detection segmentation] [--kills 20] [--iterations 80]

Each must go on from the newest whole checkpoint every time, and end with the weights of a run that nobody killed.
Prints a row for docs/reliability.md, exits with 1 where something was lost.
"""

import argparse
import os
import re
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from runs import TASKS, train

import mmdefusion.datasets.registered
import mmdefusion.models.registered  # noqa: F401  # before the forks
from mmdefusion.engine.checkpoint_files import find_latest_whole
from mmdefusion.engine.hooks import safe_checkpoint_hook as saving
from mmdefusion.utils import files
from mmdefusion.utils.unfinished import unfinished_of

PLACES = ('anywhere', 'half a checkpoint', 'before its name', 'after its name', 'half a pointer', 'before the old goes')


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_inside_write(place: str, number: int, share: float) -> Callable[[], None]:
    """Makes a process kill itself at the so many-th checkpoint that it saves, at some place of its writing."""
    left = number

    def at_last() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    def write_half(write: Callable) -> Callable:
        def half(path, content):
            if at_last():
                content = content.encode() if isinstance(content, str) else content
                unfinished_of(Path(path)).write_bytes(bytes(content)[: int(len(content) * share)])
                die()
            return write(path, content)

        return half

    def arm() -> None:
        if place == 'half a checkpoint':
            saving.write_bytes = write_half(saving.write_bytes)
        elif place == 'half a pointer':
            saving.write_text = write_half(saving.write_text)
        elif place in ('before its name', 'after its name'):
            give_name = files.give_name

            def name(unfinished: Path, path: Path) -> Path:
                last = path.suffix == '.pth' and at_last()
                if last and place == 'before its name':
                    die()
                give_name(unfinished, path)
                if last:
                    die()
                return path

            files.give_name = name
        elif place == 'before the old goes':
            remove = saving.SafeCheckpointHook._remove
            saving.SafeCheckpointHook._remove = lambda self, path: die() if at_last() else remove(self, path)

    return arm


def kill_and_resume(task: str, root: Path, kills: int, iterations: int, seed: int = 0) -> bool:
    """Tries one task; returns whether nothing was lost."""
    random, started = np.random.default_rng(seed), time.monotonic()
    configs = {}
    for name in ('whole', 'killed'):
        tool, config = TASKS[task](root, root / name, iterations)
        config.default_hooks.checkpoint.update(interval=1, max_keep_ckpts=1)
        config.dump(root / f'{name}.py')
        configs[name] = root / f'{name}.py'
    begun = time.monotonic()
    code = os.waitstatus_to_exitcode(os.waitpid(train(tool, configs['whole'], root / 'whole.log'), 0)[1])
    assert code == 0, (root / 'whole.log').read_text()[-3000:]
    pace = (time.monotonic() - begun) / iterations

    killed, places, wrong, log = 0, Counter(), [], root / 'killed.log'
    while True:
        before, _ = find_latest_whole(root / 'killed') if killed else (None, [])
        log.write_text('')
        place = PLACES[random.integers(len(PLACES))] if killed < kills else 'nowhere'
        arm = kill_inside_write(place, int(random.integers(1, 4)), float(random.random()))
        child = train(tool, configs['killed'], log, *(['--resume'] if killed else []), arm=arm)
        if place == 'anywhere':
            time.sleep(float(random.uniform(0, 8 * pace + 2)))
            os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        resumed = re.findall(r'resumed epoch: \d+, iter: (\d+)', log.read_text())
        expected = before.stem.removeprefix('iter_') if before else None
        if resumed and resumed != [expected]:
            wrong.append(f'resumed from {resumed}, {expected} was there')
        if code == 1:
            wrong.append(log.read_text()[-2000:])
            break
        if code == 0:
            break
        killed += 1
        places[place] += 1
    states = [torch.load(root / name / f'iter_{iterations}.pth')['state_dict'] for name in ('whole', 'killed')]
    weights = zip(*map(dict.values, states), strict=True)
    difference = max(float((ours.double() - theirs.double()).abs().max()) for ours, theirs in weights)
    minutes = (time.monotonic() - started) / 60
    where = ', '.join(f'{place} {count}' for place, count in places.most_common())
    print(
        f'| {task}, {iterations} iterations, killed with SIGKILL ({where}) | {killed} times | went on from the newest '
        f'whole checkpoint {killed - len(wrong)} times; largest difference of a final weight from the uninterrupted '
        f'run: {difference:g} ({minutes:.0f} min) |',
        flush=True,
    )
    for line in wrong:
        print(line)
    return not wrong and difference == 0 and killed >= kills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('tasks', nargs='*', default=list(TASKS))
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--iterations', type=int, default=80)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    done = []
    for task in args.tasks:
        with tempfile.TemporaryDirectory() as root:
            done.append(kill_and_resume(task, Path(root), args.kills, args.iterations, args.seed))
    raise SystemExit(0 if all(done) else 1)


if __name__ == '__main__':
    main()
