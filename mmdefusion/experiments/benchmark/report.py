"""The report of a comparison: tables, plots and images."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmdefusion.evaluation.trial_scores import CLASS_SCORES, MAIN_SCORES, NAMES, class_scores, mean_and_spread
from mmdefusion.utils.files import write_image, write_text
from mmdefusion.utils.image_io import read_image, read_partner
from mmdefusion.utils.spread import evenly_spread
from mmdefusion.visualization import Report, Sheet, Table, contact_sheet, draw_boxes, draw_mask
from mmdefusion.visualization.plots import plot_bars, plot_curves, plot_tradeoff
from mmdefusion.visualization.report import as_markdown

from .data_set import DataSet
from .day_night import TIMES, read_masks, scores_by_time
from .entry import Entry
from .fused_images import reads_fused_images

SHOWN = 6  # test pairs on the sheet
DRAWN_SCORE = 0.3  # smallest score of the boxes that are drawn


def class_means(entry: Entry, data: DataSet) -> list[float]:
    """The mean score of each class in percent; 0 if the split lacks the class."""
    return [float(np.nan_to_num(entry.values(key)).mean()) for key in class_scores(data.toolbox, data.classes).values()]


def tables(entries: Sequence[Entry], data: DataSet) -> tuple[Table, Table]:
    """Makes the table of scores and costs, and the table of scores of each class."""
    main = MAIN_SCORES[data.toolbox]
    rows = [
        [
            entry.name,
            *(mean_and_spread(entry.values(key)) for key in main),
            entry.complexity.parameters / 1e6,
            entry.complexity.operations / 1e9,
            entry.complexity.seconds * 1000,
            entry.complexity.peak_bytes / 2**20,
            entry.minutes(),
        ]
        for entry in entries
    ]
    costs = ['million parameters', 'GFLOPs', 'ms a pair', 'peak MiB', 'minutes of training']
    seeds = len(entries[0].trials)
    spread = f'mean ± standard deviation over {seeds} seeds' if seeds > 1 else 'one seed'
    caption = f'Percent on the test split, {spread}.'
    score, keys = CLASS_SCORES[data.toolbox][0], class_scores(data.toolbox, data.classes)
    by_class = [[entry.name, *(mean_and_spread(entry.values(key)) for key in keys.values())] for entry in entries]
    return (
        Table(['model', *(NAMES[key] for key in main), *costs], rows, caption),
        Table(['model', *keys], by_class, f'{score} of each class, percent.'),
    )


def table_by_time(entries: Sequence[Entry], data: DataSet) -> Table:
    """Makes the table of scores by day and by night."""
    rows = []
    for entry in entries:
        found = [scores_by_time(trial.folder, data) for trial in entry.trials]
        rows.append([entry.name, *(mean_and_spread(one[time] for one in found) for time in TIMES)])
    return Table(['model', *TIMES], rows, f'{NAMES[MAIN_SCORES[data.toolbox][0]]} by time of day, percent.')


def sheet(entries: Sequence[Entry], data: DataSet) -> Sheet:
    """Draws test pairs: visible, infrared, the predictions of each model's first training, and the truth."""
    draw = draw_segments if data.toolbox == 'mmseg' else draw_detections
    rows = [draw(info, entries, data) for info in evenly_spread(data.test, SHOWN)]
    names = ['visible', 'infrared', *(entry.name for entry in entries), 'truth']
    legend = dict(zip(data.classes, data.palette, strict=False))
    return Sheet(rows, names, caption='Test pairs, evenly spread over the split.', legend=legend)


def read_pair(info: dict, data: DataSet) -> list[np.ndarray]:
    """Reads both images of a pair, H×W×3 BGR; they may be channels of one file, and a missing partner is black."""
    path, stored = info['img_path'], dict(channels=3, backend_args=data.backend_args)
    visible = read_image(path, **stored)
    try:
        return [visible, read_partner(info['img_ir_path'], path, **stored)]
    except FileNotFoundError:  # which the data set allows, or nothing would have been trained
        return [visible, np.zeros_like(visible)]


def draw_segments(info: dict, entries: Sequence[Entry], data: DataSet) -> list[np.ndarray]:
    visible, infrared = read_pair(info, data)
    read = [read_masks(entry.trials[0].folder, info, data) for entry in entries]
    masks = [*(predicted for predicted, _ in read), read[0][1]]
    return [visible, infrared, *(draw_mask(visible, mask, data.palette) for mask in masks)]


def draw_detections(info: dict, entries: Sequence[Entry], data: DataSet) -> list[np.ndarray]:
    visible, infrared = read_pair(info, data)
    drawn = []
    for entry in entries:
        path = entry.trials[0].folder / 'predictions.bbox.json'
        found = json.loads(path.read_text()) if path.is_file() else []
        found = [one for one in found if one['image_id'] == info['img_id'] and one['score'] >= DRAWN_SCORE]
        boxes = np.array([one['bbox'] for one in found], float).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        drawn.append(draw_boxes(visible, boxes, _labels(found, data.ids), data.palette))
    truth = [one for one in info['instances'] if not one.get('ignore_flag')]
    boxes = np.array([one['bbox'] for one in truth], float).reshape(-1, 4)
    labels = np.array([one['bbox_label'] for one in truth], int)
    return [visible, infrared, *drawn, draw_boxes(visible, boxes, labels, data.palette)]


def _labels(found: Sequence[dict], ids: Sequence[int]) -> np.ndarray:
    """Indices of the classes of results in COCO's format."""
    return np.array([list(ids).index(one['category_id']) for one in found], int)


def write_report(entries: Sequence[Entry], data: DataSet, facts: Sequence[str], work_dir: Path) -> Path:
    """Writes report.html, and report.md with its image files."""
    done, failed = [entry for entry in entries if not entry.error], [entry for entry in entries if entry.error]
    words = [f'{data.path.name}: {len(data.train)} training pairs, classes {", ".join(data.classes)}.', *facts]
    if any(reads_fused_images(entry.config) for entry in done):
        words.append('Models of fused images: costs are without the fusion network; its weights are pretrained ones.')
    words += [f'Failed: {entry.name}: {entry.error}' for entry in failed]
    report = Report(f'Benchmark on {data.path.stem}', list(words))
    markdown = [f'- {as_markdown(word)}' for word in words]
    if done:
        scores, by_class = tables(done, data)
        main = MAIN_SCORES[data.toolbox][0]
        means, names = [np.nanmean(entry.values(main)) for entry in done], [entry.name for entry in done]
        time_label = 'milliseconds a pair', NAMES[main]
        plots = {
            'tradeoff': plot_tradeoff(names, [entry.complexity.seconds * 1000 for entry in done], means, time_label),
            'classes': plot_bars(
                list(data.classes), {entry.name: class_means(entry, data) for entry in done}, 'percent'
            ),
            'curves': plot_curves({entry.name: entry.curve() for entry in done}, ('iteration', 'training loss')),
        }
        for name, plot in plots.items():
            write_image(work_dir / f'{name}.png', plot)
        numbers = [scores, by_class, *([table_by_time(done, data)] if data.marks_night else [])]
        report.parts += ['# Scores and costs', *numbers, '# Plots']
        report.parts += [Sheet([[plot]], width=plot.shape[1]) for plot in plots.values()]
        pictures = sheet(done, data)
        write_image(work_dir / 'pictures.jpg', contact_sheet(pictures.rows, pictures.columns, width=160))
        report.parts += ['# Pictures', pictures]
        shown = [*(f'![{name}]({name}.png)\n' for name in plots), f'{pictures.caption}\n\n![pictures](pictures.jpg)']
        markdown += ['', *(table.markdown() for table in numbers), *shown]
    write_text(work_dir / 'report.md', '\n'.join([f'# Benchmark on {data.path.stem}', '', *markdown, '']))
    return report.save(work_dir / 'report.html')
