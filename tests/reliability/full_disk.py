"""Fills a small disk while a run saves checkpoints and while pictures are fused, and goes on when there is room again.

sudo python tests/reliability/full_disk.py [--times 10]

Mounts a file system in memory, for which Linux wants the superuser. Prints rows for docs/reliability.md, exits with 1
where something was lost.
"""

import argparse
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch
from runs import OURS, ROOT, train

from helpers.toy_run import toy_config  # isort: skip
from mmdefusion.engine.checkpoint_files import find_latest_whole
from mmdefusion.utils.files import write_image
from mmdefusion.utils.video_writer import VideoWriter, count_frames

RUNTIME = ROOT / 'configs/_base_/detection_runtime.py'


@contextmanager
def disk(size: str) -> Iterator[Path]:
    """A file system of so many bytes."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}', 'tmpfs', folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(['umount', folder], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Takes all but ``leave`` bytes."""
    room = os.statvfs(folder)
    filler = folder / 'filler'
    filler.write_bytes(bytes(max(room.f_bavail * room.f_bsize - leave, 0)))
    return filler


def run(work_dir: Path, folder: Path) -> tuple[int, str]:
    """Trains or resumes; the exit code and what was printed."""
    toy_config(work_dir, RUNTIME, 10).dump(folder / 'config.py')
    log = folder / 'log'
    log.write_text('')
    child = train(OURS, folder / 'config.py', log, '--resume')
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), log.read_text()


def checkpoints(times: int, random: np.random.Generator) -> bool:
    """Runs that end at some checkpoint, since the disk is full there, and are resumed."""
    good = 0
    with tempfile.TemporaryDirectory() as folder, disk('4m') as small:
        folder = Path(folder)
        assert run(folder / 'whole', folder)[0] == 0
        expected = torch.load(folder / 'whole/iter_10.pth')['state_dict']
        size = (folder / 'whole/iter_10.pth').stat().st_size
        for number in range(times):
            # logs and configs take some, so how far it comes is a matter of chance
            filler = fill(small, int(size * random.uniform(1.5, 3)))
            work_dir = small / str(number)
            code, printed = run(work_dir, folder)
            latest, broken = find_latest_whole(work_dir)
            filler.unlink()
            again, _ = run(work_dir, folder)
            final = torch.load(work_dir / 'iter_10.pth')['state_dict'] if again == 0 else {}
            same = bool(final) and all(torch.equal(final[name], value) for name, value in expected.items())
            stopped = code == 1 and 'No space left on device' in printed
            good += stopped and not broken and same
            print(f'  {number}: full at {latest.stem if latest else "the first one"}, stopped {stopped}, same {same}')
            subprocess.run(['rm', '-r', str(work_dir)], check=True)
    print(
        f'| disk full while a run saves (4 MB tmpfs) | {times} times | ended with the error of the disk, no broken '
        f'checkpoint, resumed to the same weights {good} times |'
    )
    return good == times


def pictures(times: int, random: np.random.Generator) -> bool:
    """Pictures and videos on a disk that becomes full somewhere."""
    good, image = 0, random.integers(0, 256, (100, 100, 3), dtype=np.uint8)
    for _ in range(times):
        with disk('1m') as small:
            filler = fill(small, int(random.uniform(0, 300_000)))
            errors = 0
            for number in range(12):
                try:
                    write_image(small / f'{number}.png', image)
                except OSError:
                    errors += 1
            try:
                with VideoWriter(small / 'a.mp4', 10.0) as writer:
                    for frame in random.integers(0, 256, (30, 64, 64, 3), dtype=np.uint8):
                        writer.write(frame)
                    writer.finish()
            except OSError:
                errors += 1
            there = [path for path in small.iterdir() if path != filler]
            whole = [count_frames(path) == 30 for path in there if path.suffix == '.mp4']
            whole += [np.array_equal(cv2.imread(str(path)), image) for path in there if path.suffix == '.png']
            good += all(whole) and len(whole) == len(there) and errors + len(there) == 13
    print(
        f'| disk full while pictures and videos are written (1 MB tmpfs) | {times} times, 13 files each | every file '
        f'is whole or has an error of its own, nothing unfinished stays: {good} times |'
    )
    return good == times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--times', type=int, default=10)
    args = parser.parse_args()
    random = np.random.default_rng(0)
    done = [pictures(args.times, random), checkpoints(args.times, random)]
    raise SystemExit(0 if all(done) else 1)


if __name__ == '__main__':
    main()
