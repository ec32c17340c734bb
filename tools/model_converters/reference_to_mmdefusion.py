"""Convert checkpoints between the layout of DeFusion++'s authors and ours.

    python tools/model_converters/reference_to_mmdefusion.py SOURCE TARGET             # theirs to ours
    python tools/model_converters/reference_to_mmdefusion.py SOURCE TARGET --reverse   # ours to theirs

A checkpoint of the encoder alone (MAE's key layout, as TinyMIM's) converts too. What our modules do not hold travels
along under `reference_only`, so that the way back loses nothing.
"""

import argparse
from pathlib import Path

import torch

from mmdefusion.models.checkpoints.reference import from_reference, to_reference
from mmdefusion.models.checkpoints.unwrap import unwrap


def load(path: Path) -> dict:
    if not path.is_file():
        raise SystemExit(f'{path} is not there.')
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is no checkpoint
        raise SystemExit(f'{path} cannot be read as a checkpoint of tensors: {str(error).splitlines()[0]}') from None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('source', type=Path)
    parser.add_argument('target', type=Path)
    parser.add_argument('--reverse', action='store_true', help="write the authors' layout")
    args = parser.parse_args()
    checkpoint = load(args.source)
    try:
        if args.reverse:
            converted = {'model': to_reference(unwrap(checkpoint), checkpoint.get('reference_only'))}
        else:
            state_dict, set_aside = from_reference(checkpoint)
            converted = {'state_dict': state_dict, 'reference_only': set_aside}
    except ValueError as error:
        raise SystemExit(f'{args.source}: {error}') from None
    args.target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(converted, args.target)
    count = len(next(iter(converted.values())))
    print(f'{count} tensors in {args.target}')


if __name__ == '__main__':
    main()
