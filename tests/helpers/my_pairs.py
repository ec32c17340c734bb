"""The files that a user fills in (configs/_base_/*/my-pairs*.py), filled in with generated scenes."""

import shutil
from pathlib import Path

from mmdefusion.scenes import write_scenes

BASES = Path(__file__).resolve().parents[2] / 'configs/_base_'
CLASSES = {'detection': ('person', 'car', 'cone'), 'segmentation': ('background', 'person', 'car', 'cone')}
COLOURS = {'[0, 0, 142]]': '[0, 0, 142], [9, 9, 9]]', '60, 130, 240)]': '60, 130, 240), (9, 9, 9)]'}
SIZES = {'(640, 512)': '(96, 64)', '(640, 480)': '(96, 64)', '(480, 480)': '(64, 64)'}


def fill_in(task: str, folder: Path, lines: dict[str, str] | None = None) -> Path:
    """Writes pairs into a folder, and a copy of the bases that has ``datasets/mine.py`` and ``schedules/mine.py``.

    Args:
        task: 'detection' or 'segmentation'.
        folder: where ``_base_`` and ``data`` come.
        lines: further lines of the data set's file, by what they begin with.

    Returns:
        The file of the data set.
    """
    pairs = write_scenes(folder / 'data', train=4, test=2, size=(96, 64))
    shutil.copytree(BASES, folder / '_base_', ignore=shutil.ignore_patterns('__pycache__'))
    text = (BASES / f'datasets/my-pairs-{task}.py').read_text()
    assert text.count('# <-') >= 6
    wanted = {'data_root =': f'data_root = {f"{pairs}/"!r}', 'classes =': f'classes = {CLASSES[task]}', **(lines or {})}
    for start, new in wanted.items():
        (old,) = [line for line in text.splitlines() if line.startswith(start) and '# <-' in line]
        text = text.replace(old, new)
    for old, new in (COLOURS | SIZES).items():
        text = text.replace(old, new)
    mine = folder / '_base_/datasets/mine.py'
    mine.write_text(text)
    schedule = (BASES / 'schedules/my-pairs.py').read_text()
    assert 'max_iters = 2000  # <-' in schedule and 'val_interval = 500  # <-' in schedule
    schedule = schedule.replace('max_iters = 2000', 'max_iters = 900').replace('val_interval = 500', 'val_interval = 9')
    (folder / '_base_/schedules/mine.py').write_text(schedule)
    return mine
