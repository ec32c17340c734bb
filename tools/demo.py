"""Shows on generated night and day scenes that a pair beats either sensor, in minutes on a CPU.

    python tools/demo.py --work-dir work_dirs/demo

Writes scenes, trains one segmenter three times on them (visible image only, infrared image only, both), then a detector
that starts from the fused segmenter's weights, and writes numbers and images to WORK_DIR/report.html. Finished runs are
not repeated; the log of each run is in its folder.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config

from mmdefusion.evaluation.subset_scores import class_iou, class_precision
from mmdefusion.experiments import Trial
from mmdefusion.experiments.lanes import Run, clock, run_lanes
from mmdefusion.scenes import CLASSES, PALETTE, WrittenScenes, corners, write_scenes
from mmdefusion.utils.files import write_bytes
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.visualization import Report, Sheet, Table, contact_sheet, draw_boxes, draw_mask

CONFIGS = Path(__file__).resolve().parents[1] / 'configs' / 'demo'
SEGMENTER = 'defusionpp_vit-nano_fcn_1xb2-850_scenes-160x128'
DETECTOR = 'defusionpp_vit-nano_atss_1xb2-500_scenes-160x128'
LANES = (('fused', 'detector'), ('visible', 'infrared'))  # a process each
NAMES = {'visible': 'visible only', 'infrared': 'infrared only', 'fused': 'fused'}
DRAWN_SCORE = 0.25  # about as many false boxes as missed objects
DETECTOR_COST = 0.9  # an iteration of the detector, in iterations of the segmenter


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'), help='default: work_dirs/demo')
    parser.add_argument(
        '--scenes',
        type=int,
        default=400,
        help='scenes to train on; a quarter of that number is added to test on (default: 400)',
    )
    parser.add_argument('--iters', type=int, help="steps of each training (default: the configs')")
    parser.add_argument('--seed', type=int, default=0, help='seed of scenes and weights (default: 0)')
    return parser.parse_args()


def plan_run(name: str, config: str, scenes: Path, folder: Path, args: argparse.Namespace, after: Run | None) -> Run:
    """Adapts a demo config to the command line; ``after`` is the run whose weights this run starts from."""
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
        checkpoint = str(after.trial.folder / f'iter_{after.iterations}.pth')
        cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.')
        cfg.model.neck[0].init_cfg = dict(type='Pretrained', checkpoint=checkpoint, prefix='neck.0.')
        cfg.test_evaluator.update(ann_file=str(scenes / 'test.json'), outfile_prefix=str(folder / 'test'))
    else:
        cfg.test_evaluator.output_dir = str(folder / 'predictions')
    basis = (scenes / 'scenes.json').read_text() + (after.trial.key if after else '')
    return Run(name, Trial.of(cfg, folder, basis, args.work_dir), iterations, DETECTOR_COST if after else 1.0)


def plan(args: argparse.Namespace, scenes: Path) -> dict[str, Run]:
    """The four runs."""
    configs = {'visible': f'{SEGMENTER}_visible-only', 'infrared': f'{SEGMENTER}_infrared-only', 'fused': SEGMENTER}
    runs = {name: plan_run(name, config, scenes, args.work_dir / name, args, None) for name, config in configs.items()}
    runs['detector'] = plan_run('detector', DETECTOR, scenes, args.work_dir / 'detector', args, runs['fused'])
    return runs


def iou(run: Run, test: WrittenScenes, night: bool | None = None) -> np.ndarray:
    """IoU in percent of background and classes over all pixels of the scenes of one time of day, or of both."""
    masks = ((prediction(run, image), test.read('labels', image)) for image in test.images(night))
    return 100 * np.nan_to_num(class_iou(masks, len(CLASSES) + 1))


def ap50(run: Run, test: WrittenScenes, night: bool | None = None) -> np.ndarray:
    """AP in percent at IoU 0.5 of each class over the scenes of one time of day, or of both."""
    images = [image['id'] for image in test.images(night)]
    return 100 * np.nan_to_num(class_precision(test.root / 'test.json', all_detections(run), images, CLASSES)[0])


def prediction(run: Run, image: dict) -> np.ndarray:
    """Reads the class mask that the test of a run wrote, H×W."""
    return cv2.imread(str(run.trial.folder / 'predictions' / image['file_name']), cv2.IMREAD_UNCHANGED)


def all_detections(run: Run) -> list[dict]:
    """Reads the detections of a run's test in COCO's result format; mmdet writes no file if there are none."""
    path = run.trial.folder / 'test.bbox.json'
    return json.loads(path.read_text()) if path.is_file() else []


def detections(run: Run, image: dict) -> tuple[np.ndarray, np.ndarray]:
    """Boxes N×4 and category ids of a run's test whose scores are high enough to draw."""
    found = all_detections(run)
    return corners([a for a in found if a['image_id'] == image['id'] and a['score'] >= DRAWN_SCORE])


def tables(runs: dict[str, Run], test: WrittenScenes) -> tuple[Table, Table, Table]:
    """Makes the tables of segmentation over all scenes and by time of day, and of detection."""
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


def pictures(runs: dict[str, Run], test: WrittenScenes, image: dict) -> dict[str, np.ndarray]:
    """The images of one scene on the sheets."""
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


def write_report(
    work_dir: Path, runs: dict[str, Run], test: WrittenScenes, results: tuple[Table, Table, Table]
) -> Path:
    """Writes the page with text, numbers and eight scenes."""
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


def write_sheet(work_dir: Path, runs: dict[str, Run], test: WrittenScenes) -> None:
    """Writes sheet.png: three of the scenes with the masks and boxes of the fused networks, for a README."""
    images, rows = test.telling(8)[:3], []
    for image in images:
        shown = pictures(runs, test, image)
        fused = draw_boxes(shown['fused'], *detections(runs['detector'], image), PALETTE)
        truth = draw_boxes(shown['truth'], *test.boxes(image), PALETTE)
        rows.append([shown['visible'], shown['infrared'], fused, truth])
    times = ['night' if image['night'] else 'day' for image in images]
    sheet = contact_sheet(rows, ['visible', 'infrared', 'fused: masks and boxes', 'truth'], times, width=240)
    sheet = np.clip((sheet.astype(int) + 4) // 8 * 8, 0, 255)  # 32 levels a channel: a fifth of the file, the same look
    _, encoded = cv2.imencode('.png', sheet.astype(np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    write_bytes(work_dir / 'sheet.png', memoryview(encoded))


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    start = time.monotonic()
    scenes = write_scenes(args.work_dir / 'scenes', args.scenes, max(8, args.scenes // 4), args.seed)
    print(f'1/3  scenes: {scenes}', flush=True)
    runs = plan(args, scenes)
    print('2/3  training and testing, one line in 15 seconds', flush=True)
    run_lanes([[runs[name] for name in lane] for lane in LANES])
    test = WrittenScenes.load(scenes)
    results = tables(runs, test)
    page = write_report(args.work_dir, runs, test, results)
    write_sheet(args.work_dir, runs, test)
    print('3/3  results\n')
    for table in results:
        print(f'{table.text()}\n')
    print(f'Report with pictures: {page}  ({clock(time.monotonic() - start)} minutes)')


if __name__ == '__main__':
    main()
