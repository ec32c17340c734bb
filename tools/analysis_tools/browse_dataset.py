"""Shows what a model is trained on: pairs after all augmentation, with boxes or masks on both images.

    python tools/analysis_tools/browse_dataset.py CONFIG [--number 12] [--split test] [--out sheet.png]

If an outline fits the visible image and not the infrared image, the pair is not aligned.
"""

import argparse
from itertools import chain
from pathlib import Path

import numpy as np
from mmengine.config import Config, DictAction
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope

from mmdefusion.models.layers.place import take_off
from mmdefusion.registry import DATASETS
from mmdefusion.utils.files import write_image
from mmdefusion.utils.image_io import to_channels
from mmdefusion.utils.options import absent_in_a_line, interrupted_in_a_line, present_file
from mmdefusion.utils.spread import evenly_spread
from mmdefusion.visualization import contact_sheet, draw_boxes, draw_mask, hide_background

COLUMNS = 2  # pairs beside each other


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=present_file)
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train')
    parser.add_argument('--number', type=int, default=12, help='number of pairs, evenly spread (default: 12)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the augmentation (default: 0)')
    parser.add_argument('--width', type=int, default=400, help='width of each image in pixels (default: 400)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/browse_dataset.png'))
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='key.sub=value')
    return parser.parse_args()


def draw(packed: dict, palette: list) -> list[np.ndarray]:
    """Draws the annotations on both images of a packed pair."""
    pair = take_off(packed['inputs'])[0].permute(1, 2, 0).numpy().clip(0, 255).astype(np.uint8)
    sample = packed['data_samples']
    images = [np.ascontiguousarray(pair[..., :3]), to_channels(np.ascontiguousarray(pair[..., 3:]), 3)]
    if 'gt_sem_seg' in sample:
        mask = sample.gt_sem_seg.data[0].numpy()
        return [draw_mask(image, mask, palette) for image in images]
    truth = sample.gt_instances
    boxes = getattr(truth.bboxes, 'tensor', truth.bboxes).numpy()
    return [draw_boxes(image, boxes, truth.labels.numpy(), palette) for image in images]


def build(args: argparse.Namespace) -> BaseDataset:
    """Builds the data set of a split, with its whole pipeline."""
    config = Config.fromfile(args.config)
    config.merge_from_dict(args.cfg_options)
    evaluator = config.get('test_evaluator') or {}
    init_default_scope(config.get('default_scope') or ('mmseg' if 'IoU' in evaluator.get('type', '') else 'mmdet'))
    return DATASETS.build(config[f'{args.split}_dataloader'].dataset)


@interrupted_in_a_line()
@absent_in_a_line()
def main() -> None:
    args = parse_args()
    dataset = build(args)
    np.random.seed(args.seed)
    classes = dataset.metainfo['classes']
    palette = hide_background(classes, dataset.metainfo.get('palette') or [[230, 60, 80]] * len(classes))
    pairs = [draw(dataset[index], palette) for index in evenly_spread(range(len(dataset)), args.number)]
    rows = [list(chain.from_iterable(pairs[first : first + COLUMNS])) for first in range(0, len(pairs), COLUMNS)]
    write_image(args.out, contact_sheet(rows, ['visible', 'infrared'] * COLUMNS, width=args.width))
    print(f'{len(pairs)} of {len(dataset)} pairs: {args.out}')


if __name__ == '__main__':
    main()
