"""Draws heat maps of the attention in the common and unique decomposition of a pair.

python tools/analysis_tools/attention_maps.py VISIBLE INFRARED CHECKPOINT [--out attention.png]
"""

import argparse

import torch

from mmdefusion.apis import load_fuser
from mmdefusion.models.fusers.attention_maps import attention_maps
from mmdefusion.models.fusers.picture_fuser import to_tensor
from mmdefusion.utils.files import write_image
from mmdefusion.utils.image_io import read_image, reverse_channels
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.visualization import contact_sheet, draw_heat


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('visible', help='visible image')
    parser.add_argument('infrared', help='infrared image')
    parser.add_argument('checkpoint', help='checkpoint of pretraining, or published weights')
    parser.add_argument('--config', help='config, for checkpoints that carry none')
    parser.add_argument('--out', default='attention.png', help='file of the heat maps (default: attention.png)')
    parser.add_argument('--device', default='cpu', help='device of the network (default: cpu)')
    return parser.parse_args()


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    try:
        images = [read_image(path, channels=3) for path in (args.visible, args.infrared)]
        fuser = load_fuser(args.checkpoint, args.config, args.device)
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    if images[0].shape != images[1].shape:
        sizes = ' and '.join(f'{image.shape[1]}x{image.shape[0]}' for image in images)
        raise SystemExit(f'{args.visible} and {args.infrared} are {sizes}: align the pair first.')
    pair = torch.cat([to_tensor(reverse_channels(image)) for image in images])
    maps = attention_maps(fuser, pair[None].to(args.device))
    rows = [
        [image, *(draw_heat(image, getattr(kind, slot).cpu().numpy()) for kind in maps)]
        for image, slot in zip(images, 'ab', strict=True)
    ]
    sheet = contact_sheet(rows, ['source', 'common', 'unique'], ['visible', 'infrared'], width=min(480, pair.shape[-1]))
    try:
        print(write_image(args.out, sheet))
    except OSError as error:
        raise SystemExit(shown(error)) from None


if __name__ == '__main__':
    main()
