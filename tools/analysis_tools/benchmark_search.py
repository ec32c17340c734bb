"""Measures how long it takes, and how much memory, until work on very many pairs begins.

    python tools/analysis_tools/benchmark_search.py [--pairs 1000 10000 100000] [--keep FOLDER]

Folders with so many pairs of one tiny image are made (links to it, which take hardly any disk). Each step is what a
command does before its first image: `fuse` lists the pairs and finds with --resume that all are fused; `eval` lists
them and reads an earlier run's scores; the data sets are built, and look for every partner and read every header. Times
are processor time; memory is the peak of a step on top of what the process held before it (Linux).
"""

import argparse
import gc
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import DATASETS, init_default_scope

from mmdefusion.evaluation.score_log import ScoreLog
from mmdefusion.evaluation.score_table import as_line
from mmdefusion.inference.fusing import Fusing
from mmdefusion.inference.stems import match_stems
from mmdefusion.utils.files import write_image, write_text
from mmdefusion.utils.measuring import PeakMemory
from mmdefusion.utils.options import interrupted_in_a_line

SIDE = 16
LINKS = 50_000  # to one file: file systems have limits
METRICS = tuple(f'metric {number}' for number in range(12))


class Listing(Fusing):
    """Does everything but fusing: all results are there."""

    reading = dict(thermal=False, thermal_range=None)
    polarity = 'white-hot'
    show_progress = False

    def _decode(self, name: str, *_: object) -> dict[str, np.ndarray]:
        raise RuntimeError(f'{name} is not there yet: remove the folder of --keep.')


def make_pairs(root: Path, count: int) -> Path:
    """Makes a folder with visible, infrared and fused images, label maps, annotations and scores."""
    folder = root / str(count)
    if folder.exists():
        return folder
    for name in ('vi', 'ir', 'fused', 'labels'):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            target = folder / name / f'{number:06d}.png'
            if number % LINKS == 0:
                first = write_image(target, np.full((SIDE, SIDE), 100, np.uint8))
            else:
                os.link(first, target)
    images = [dict(id=k, file_name=f'{k:06d}.png', width=SIDE, height=SIDE) for k in range(count)]
    boxes = [dict(id=k, image_id=k, category_id=0, bbox=[2, 2, 9, 9], area=81, iscrowd=0) for k in range(count)]
    categories = [dict(id=0, name='thing')]
    write_text(folder / 'boxes.json', json.dumps(dict(images=images, annotations=boxes, categories=categories)))
    for name in ('vi', 'ir'):
        with tarfile.open(folder / f'{name}.tar', 'w') as archive:
            archive.add(folder / name, name)
    scores = (as_line([f'{k:06d}', *[k / 7] * len(METRICS)]) for k in range(count))
    write_text(folder / 'scores.csv', as_line(['image', *METRICS]) + ''.join(scores))
    return folder


def steps(folder: Path) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    vi, ir, fused = (str(folder / name) for name in ('vi', 'ir', 'fused'))
    options = dict(metainfo=dict(classes=('thing',)), pipeline=[])

    def resume_eval() -> None:
        matched = match_stems([vi, ir, fused])
        out = folder / 'again.csv'
        with closing(ScoreLog(list(matched), METRICS, out, [folder / 'scores.csv'])) as log:
            if len(log) != len(matched):
                raise RuntimeError(f'{out} has {len(log)} rows of {len(matched)}.')
            log.finish()

    def build(scope: str, **dataset: object) -> object:
        init_default_scope(scope)
        found = DATASETS.build(dataset)
        found.full_init()
        return found

    return {
        'fuse --resume': lambda: Listing()(vi, ir, out_dir=fused, resume=True),
        'eval --resume': resume_eval,
        'PairedCocoDataset': lambda: build(
            'mmdet',
            type='mmdefusion.PairedCocoDataset',
            ann_file=str(folder / 'boxes.json'),
            data_prefix=dict(img=vi, img_ir=ir),
            **options,
        ),
        'PairedSegDataset': lambda: build(
            'mmseg',
            type='mmdefusion.PairedSegDataset',
            data_prefix=dict(img_path=vi, img_ir_path=ir, seg_map_path=str(folder / 'labels')),
            **options,
        ),
        'PairFolders': lambda: build('mmdefusion', type='mmdefusion.PairFolders', folders=[vi], partners=[ir]),
        'PairFolders, tar': lambda: build(
            'mmdefusion',
            type='mmdefusion.PairFolders',
            folders=[f'{vi}.tar/vi'],
            partners=[f'{ir}.tar/ir'],
            backend_args=dict(backend='mmdefusion.tar'),
        ),
    }


def measure(run: Callable[[], object]) -> tuple[float, int]:
    """Processor time and bytes of a run whose result is kept until the memory is read."""
    gc.collect()
    memory = PeakMemory(torch.device('cpu'))
    memory.reset()
    held, start = memory.read(), time.process_time()
    result = run()
    found = time.process_time() - start, memory.read() - held
    del result
    return found


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--pairs', nargs='+', type=int, default=[1000, 10_000], help='numbers of pairs (default: 1000 10000)'
    )
    parser.add_argument('--keep', type=Path, metavar='FOLDER', help='make the folders here, and leave them')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = args.keep or Path(folder)
        for run in steps(make_pairs(root, 2)).values():
            run()  # imports
        for count in args.pairs:
            for name, run in steps(make_pairs(root, count)).items():
                seconds, peak = measure(run)
                each = f'{1e6 * seconds / count:8.1f} µs and {peak / count:8.0f} bytes a pair'
                print(f'{count:8d} pairs, {name:20s}{seconds:8.2f} s {peak / 2**20:8.1f} MiB {each}', flush=True)


if __name__ == '__main__':
    main()
