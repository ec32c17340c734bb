"""Shows on generated night and day scenes why a pair beats either sensor, in minutes on a CPU.

    python tools/demo.py --work-dir work_dirs/demo

Writes scenes, trains one segmenter three times on them (visible image only, infrared image only, both), then a
detector that starts from the fused segmenter's weights, and puts numbers and pictures into WORK_DIR/report.html. What
is finished is not done again; every run's log is in its own folder.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import queue
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdefusion.evaluation.parts import class_iou, class_precision
from mmdefusion.experiments import Trial
from mmdefusion.scenes import CLASSES, PALETTE, write_scenes
from mmdefusion.visualization import Report, Sheet, Table, contact_sheet, draw_boxes, draw_mask

CONFIGS = Path(__file__).resolve().parents[1] / 'configs' / 'demo'
SEGMENTER = 'defusionpp_vit-nano_fcn_1xb2-850_scenes-160x128'
DETECTOR = 'defusionpp_vit-nano_atss_1xb2-500_scenes-160x128'
NAMES = {'visible': 'visible only', 'infrared': 'infrared only', 'fused': 'fused'}
DRAWN_SCORE = 0.25  # about as many false boxes as missed objects
DETECTOR_COST = 0.9  # an iteration of the detector, in iterations of the segmenter


@dataclass(frozen=True)
class Run:
    """One training with its test.

    Attributes:
        name: In what is printed.
        trial: What is trained, and where.
        iterations: Training steps.
        cost: Of a step, in steps of the segmenter.
    """

    name: str
    trial: Trial
    iterations: int
    cost: float

    @property
    def folder(self) -> Path:
        """Where everything of the run is."""
        return self.trial.folder

    @property
    def checkpoint(self) -> Path:
        """The trained weights."""
        return self.folder / f'iter_{self.iterations}.pth'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'), help='default: work_dirs/demo')
    parser.add_argument('--scenes', type=int, default=400, help='to train on; a quarter more to test (default: 400)')
    parser.add_argument('--iters', type=int, help="steps of each training (default: the configs')")
    parser.add_argument('--seed', type=int, default=0, help='of scenes and weights (default: 0)')
    return parser.parse_args()


def plan_run(name: str, config: str, scenes: Path, folder: Path, args: argparse.Namespace, after: Run | None) -> Run:
    """Fits a demo config to the command line; ``after`` is the run whose weights this one starts from."""
    cfg = Config.fromfile(CONFIGS / f'{config}.py')
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(scenes)
    iterations = args.iters or cfg.train_cfg.max_iters
    cfg.train_cfg.update(max_iters=iterations, val_interval=iterations + 1)
    warmup, decay = cfg.param_scheduler
    warmup.end = decay.begin = min(warmup.end, iterations // 4)
    decay.end = cfg.default_hooks.checkpoint.interval = iterations
    cfg.randomness = dict(seed=args.seed)
    if after:
        checkpoint = str(after.checkpoint)
        cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.')
        cfg.model.neck[0].init_cfg = dict(type='Pretrained', checkpoint=checkpoint, prefix='neck.0.')
        cfg.test_evaluator.update(ann_file=str(scenes / 'test.json'), outfile_prefix=str(folder / 'test'))
    else:
        cfg.test_evaluator.output_dir = str(folder / 'predictions')
    basis = (scenes / 'scenes.json').read_text() + (after.trial.key if after else '')
    return Run(name, Trial.of(cfg, folder, basis), iterations, DETECTOR_COST if after else 1.0)


def plan(args: argparse.Namespace, scenes: Path) -> dict[str, Run]:
    """The four runs."""
    configs = {'visible': f'{SEGMENTER}_visible-only', 'infrared': f'{SEGMENTER}_infrared-only', 'fused': SEGMENTER}
    runs = {name: plan_run(name, config, scenes, args.work_dir / name, args, None) for name, config in configs.items()}
    runs['detector'] = plan_run('detector', DETECTOR, scenes, args.work_dir / 'detector', args, runs['fused'])
    return runs


class ProgressHook(Hook):
    """Tells another process how far the training is."""

    def __init__(self, name: str, progress: multiprocessing.Queue) -> None:
        self.name, self.progress = name, progress

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if (batch_idx + 1) % 5 == 0:
            self.progress.put((self.name, batch_idx + 1))


def execute(runs: list[Run], threads: int, progress: multiprocessing.Queue) -> None:
    """Trains and tests one run after another, in a process of its own, and puts (name, step) now and then."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    for run in runs:
        run.trial.execute([ProgressHook(run.name, progress)])


def train(runs: dict[str, Run]) -> None:
    """Does what is not done yet: the fused runs beside those of one sensor, in two processes.

    Small networks use two cores better as two processes of one thread than as one of two.

    Raises:
        SystemExit: If a run fails.
    """
    lanes = [[runs[name] for name in lane] for lane in (('fused', 'detector'), ('visible', 'infrared'))]
    for run in runs.values():
        if run.trial.done():
            print(f'{run.name}: done before, in {run.folder}', flush=True)
    lanes = [[run for run in lane if not run.trial.done()] for lane in lanes]
    lanes = [lane for lane in lanes if lane]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # waiting threads that spin starve whatever else runs here
    context = multiprocessing.get_context('spawn')  # torch's threads do not survive a fork
    progress = context.Queue()
    threads = max(1, min(4, cores // max(1, len(lanes))))
    workers = [context.Process(target=execute, args=(lane, threads, progress), daemon=True) for lane in lanes]
    for worker in workers:
        worker.start()
    watch(lanes, workers, progress)
    for lane, worker in zip(lanes, workers, strict=True):
        if worker.exitcode:
            failed = next(run for run in lane if not run.trial.done())
            raise SystemExit(f'The run {failed.name} failed: its error is at the end of {failed.trial.log}')


def watch(lanes: list[list[Run]], workers: list, progress: multiprocessing.Queue, every: float = 15) -> None:
    """Prints how far the runs are, and about how long they still take, until all processes have ended."""
    start = shown = time.monotonic()
    steps = {run.name: 0 for lane in lanes for run in lane}
    while any(worker.is_alive() for worker in workers):
        with contextlib.suppress(queue.Empty):
            name, step = progress.get(timeout=1)
            steps[name] = step
        if time.monotonic() - shown < every:
            continue
        shown = time.monotonic()
        remaining = [_remaining(lane, steps, shown - start) for lane in lanes]
        left = 'starting' if None in remaining else f'about {_clock(max(remaining))} left'
        parts = [f'{run.name} {steps[run.name]}/{run.iterations}' for lane in lanes for run in lane if steps[run.name]]
        print(f'[{_clock(shown - start)}, {left}]  {", ".join(parts)}', flush=True)


def _remaining(lane: list[Run], steps: dict[str, int], elapsed: float) -> float | None:
    total = sum(run.cost * run.iterations for run in lane)
    done = sum(run.cost * steps[run.name] for run in lane)
    return elapsed * (total - done) / done if done else None


def _clock(seconds: float) -> str:
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'


@dataclass(frozen=True)
class HeldOut:
    """The test scenes: file names, time of day and truth."""

    root: Path
    coco: dict

    @classmethod
    def load(cls, root: Path) -> 'HeldOut':
        return cls(root, json.loads((root / 'test.json').read_text()))

    def images(self, night: bool | None = None) -> list[dict]:
        """Entries of the images of one time of day, or of both."""
        return [image for image in self.coco['images'] if night is None or image['night'] == night]

    def read(self, kind: str, image: dict) -> np.ndarray:
        """One of vi, ir and labels."""
        return cv2.imread(str(self.root / 'test' / kind / image['file_name']), cv2.IMREAD_UNCHANGED)

    def boxes(self, image: dict) -> tuple[np.ndarray, np.ndarray]:
        """``(N, 4)`` x0 y0 x1 y1 and ``(N,)`` category ids."""
        return _corners([a for a in self.coco['annotations'] if a['image_id'] == image['id']])

    def telling(self, count: int) -> list[dict]:
        """Scenes with all classes and many objects, half by night; chosen by their content, never by results."""
        labels = {image['id']: [] for image in self.coco['images']}
        for annotation in self.coco['annotations']:
            labels[annotation['image_id']].append(annotation['category_id'])

        def content(image: dict) -> tuple[int, int]:
            return len(set(labels[image['id']])), len(labels[image['id']])

        chosen = [sorted(self.images(night), key=content, reverse=True)[: count // 2] for night in (True, False)]
        return [image for pair in zip(*chosen, strict=True) for image in pair]


def _corners(annotations: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    boxes = np.array([a['bbox'] for a in annotations], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes, np.array([a['category_id'] for a in annotations], int)


def iou(run: Run, test: HeldOut, night: bool | None = None) -> np.ndarray:
    """IoU in percent of background and classes over all pixels of the scenes of one time of day, or of both."""
    masks = ((prediction(run, image), test.read('labels', image)) for image in test.images(night))
    return 100 * np.nan_to_num(class_iou(masks, len(CLASSES) + 1))


def ap50(run: Run, test: HeldOut, night: bool | None = None) -> np.ndarray:
    """AP in percent at IoU 0.5 of each class over the scenes of one time of day, or of both."""
    images = [image['id'] for image in test.images(night)]
    return 100 * np.nan_to_num(class_precision(test.root / 'test.json', all_detections(run), images, CLASSES)[0])


def prediction(run: Run, image: dict) -> np.ndarray:
    """The class mask that a run's test wrote."""
    return cv2.imread(str(run.folder / 'predictions' / image['file_name']), cv2.IMREAD_UNCHANGED)


def all_detections(run: Run) -> list[dict]:
    """What a run's test found, in COCO's result format; mmdet writes no file where it found nothing at all."""
    path = run.folder / 'test.bbox.json'
    return json.loads(path.read_text()) if path.is_file() else []


def detections(run: Run, image: dict) -> tuple[np.ndarray, np.ndarray]:
    """Boxes ``(N, 4)`` and category ids of a run's test that are sure enough to be drawn."""
    found = all_detections(run)
    return _corners([a for a in found if a['image_id'] == image['id'] and a['score'] >= DRAWN_SCORE])


def tables(runs: dict[str, Run], test: HeldOut) -> tuple[Table, Table, Table]:
    """Segmentation over all scenes, by time of day, and detection."""
    overall, by_time = [], []
    for name, title in NAMES.items():
        found = iou(runs[name], test)
        overall.append([title, float(found.mean()), *map(float, found)])
        day, night = (iou(runs[name], test, night)[1:] for night in (False, True))
        by_time.append([title, *(float(value) for pair in zip(day, night, strict=True) for value in pair)])
    columns = [f'{name}, {when}' for name in CLASSES for when in ('day', 'night')]
    detection = []
    for title, night in (('all', None), ('day', False), ('night', True)):
        ap = ap50(runs['detector'], test, night)
        detection.append([title, float(ap.mean()), *map(float, ap)])

    def best(rows: list[list]) -> dict[int, str]:
        return dict.fromkeys(range(1, len(rows[0])), 'max')

    return (
        Table(
            ['segmenter sees', 'mIoU', 'background', *CLASSES],
            overall,
            'IoU in percent, all test scenes.',
            best(overall),
        ),
        Table(['segmenter sees', *columns], by_time, 'IoU in percent, by time of day.', best(by_time)),
        Table(['scenes', 'mean', *CLASSES], detection, 'The fused detector: AP in percent at IoU 0.5.'),
    )


def pictures(runs: dict[str, Run], test: HeldOut, image: dict) -> dict[str, np.ndarray]:
    """What the sheets show of one scene."""
    visible, infrared = test.read('vi', image), test.read('ir', image)
    return {
        'visible': visible,
        'infrared': infrared,
        **{title: draw_mask(visible, prediction(runs[name], image), PALETTE) for name, title in NAMES.items()},
        'fused detector': draw_boxes(visible, *detections(runs['detector'], image), PALETTE),
        'truth': draw_mask(visible, test.read('labels', image), PALETTE),
    }


WORDS = (
    'Generated street scenes by night and by day, in which neither camera sees everything. The same '
    'network is trained three times from random weights, with the same steps on the same scenes: once it sees the '
    'visible image in both of its inputs, once the infrared image, once the pair.',
    'Visible light alone cannot find people at night, who are unlit, nor those by day whose clothes have the '
    "background's colours; and it cannot tell a cardboard figure, which is painted like a person, from one.",
    'Infrared alone cannot find cones, which are as warm as the road; and it cannot tell a neon figure, which is as '
    'warm as a person and has the shape of one, from one.',
    'The pair has the evidence for all of it: warm and not glowing is a person, painted and cold is cardboard, '
    'orange and cold is a cone. So the fused network must win, if it uses both images.',
)


def write_report(work_dir: Path, runs: dict[str, Run], test: HeldOut, results: tuple[Table, Table, Table]) -> Path:
    """The page: words, numbers and eight scenes."""
    images = test.telling(8)
    shown = [pictures(runs, test, image) for image in images]
    sheet = Sheet(
        [list(row.values()) for row in shown],
        list(shown[0]),
        ['night' if image['night'] else 'day' for image in images],
        'Test scenes with many objects, chosen by what is in them, not by the results.',
        dict(zip(CLASSES, PALETTE[1:], strict=True)),
        160,
    )
    report = Report('Two cameras see more than one')
    report.parts += [*WORDS, '# Segmentation', *results[:2], '# Detection', results[2], '# Pictures', sheet]
    return report.save(work_dir / 'report.html')


def write_sheet(work_dir: Path, runs: dict[str, Run], test: HeldOut) -> None:
    """sheet.png: three of the page's scenes with the fused networks' masks and boxes, for a README."""
    images, rows = test.telling(8)[:3], []
    for image in images:
        shown = pictures(runs, test, image)
        fused = draw_boxes(shown['fused'], *detections(runs['detector'], image), PALETTE)
        truth = draw_boxes(shown['truth'], *test.boxes(image), PALETTE)
        rows.append([shown['visible'], shown['infrared'], fused, truth])
    times = ['night' if image['night'] else 'day' for image in images]
    sheet = contact_sheet(rows, ['visible', 'infrared', 'fused: masks and boxes', 'truth'], times, width=240)
    sheet = np.clip((sheet.astype(int) + 4) // 8 * 8, 0, 255)  # 32 levels a channel: a fifth of the file, the same look
    cv2.imwrite(str(work_dir / 'sheet.png'), sheet.astype(np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def main() -> None:
    args = parse_args()
    start = time.monotonic()
    scenes = write_scenes(args.work_dir / 'scenes', args.scenes, max(8, args.scenes // 4), args.seed)
    print(f'1/3  scenes: {scenes}', flush=True)
    runs = plan(args, scenes)
    print('2/3  training and testing, one line in 15 seconds', flush=True)
    train(runs)
    test = HeldOut.load(scenes)
    results = tables(runs, test)
    page = write_report(args.work_dir, runs, test, results)
    write_sheet(args.work_dir, runs, test)
    print('3/3  results\n')
    for table in results:
        print(f'{table.text()}\n')
    print(f'Report with pictures: {page}  ({_clock(time.monotonic() - start)} minutes)')


if __name__ == '__main__':
    main()
