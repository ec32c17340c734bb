"""Writes generated night and day visible-infrared scenes with boxes and masks.

    python tools/dataset_converters/generate_scenes.py data/scenes --train 400 --test 100

mmdefusion/scenes/generator.py describes what each sensor can and cannot see in them.
"""

import argparse
from pathlib import Path

import numpy as np

from mmdefusion.scenes import PALETTE, SceneGenerator, write_scenes
from mmdefusion.utils.files import write_image
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import Size, interrupted_in_a_line, size
from mmdefusion.visualization import contact_sheet, draw_boxes, draw_mask


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, help='folder of the set; an earlier set in it is replaced')
    parser.add_argument('--train', type=int, default=400, help='training scenes (default: 400)')
    parser.add_argument('--test', type=int, default=100, help='test scenes (default: 100)')
    parser.add_argument('--size', type=size, default=Size(160, 128), metavar='WxH', help='default: 160x128')
    parser.add_argument('--seed', type=int, default=0, help='seed of the scenes (default: 0)')
    parser.add_argument('--bits', type=int, choices=(8, 16), default=8, help='bits of the infrared images (default: 8)')
    parser.add_argument('--preview', type=Path, metavar='PNG', help='also draw the first six scenes on one sheet')
    return parser.parse_args()


def preview(generator: SceneGenerator, count: int = 6) -> np.ndarray:
    """Draws visible image, infrared image and ground truth of the first scenes, two scenes per row."""
    pictures = []
    for index in range(count):
        scene = generator(index)
        truth = draw_mask(scene.visible, scene.mask, PALETTE)
        pictures.append([scene.visible, scene.infrared, draw_boxes(truth, scene.boxes, scene.labels, PALETTE)])
    rows = [pictures[i] + pictures[i + 1] for i in range(0, count, 2)]
    return contact_sheet(rows, ['visible', 'infrared', 'truth'] * 2)


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    try:
        root = write_scenes(args.out, args.train, args.test, args.seed, args.size, args.bits)
        print(f'{args.train} training and {args.test} test scenes in {root}')
        if args.preview:
            args.preview.parent.mkdir(parents=True, exist_ok=True)
            write_image(args.preview, preview(SceneGenerator(args.size, args.seed, bits=args.bits)))
            print(f'preview in {args.preview}')
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None


if __name__ == '__main__':
    main()
