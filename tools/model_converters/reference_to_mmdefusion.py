"""Converts checkpoints between the layout of DeFusion++'s authors and ours.

    python tools/model_converters/reference_to_mmdefusion.py SOURCE TARGET             # theirs to ours
    python tools/model_converters/reference_to_mmdefusion.py SOURCE TARGET --reverse   # ours to theirs

A checkpoint of the encoder alone (in MAE's key layout, as TinyMIM's) can be converted too. Tensors that our modules
lack are kept under `reference_only`, so that the conversion back loses nothing. Both files may be .safetensors files.
"""

import argparse
from pathlib import Path

from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.unwrap import unwrap
from mmdefusion.models.checkpoints.writing import write_checkpoint
from mmdefusion.models.networks.network_config import plain_network_config
from mmdefusion.models.networks.reference import from_reference, preset_of, to_reference
from mmdefusion.utils.options import interrupted_in_a_line


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help="checkpoint of the authors' code, or ours with --reverse")
    parser.add_argument('target', type=Path, help='.pth, or .safetensors')
    parser.add_argument('--reverse', action='store_true', help="write the authors' layout")
    args = parser.parse_args()
    try:
        count = convert(args.source, args.target, args.reverse)
    except (OSError, ValueError) as error:
        text = str(error)
        raise SystemExit(text if str(args.source) in text else f'{args.source}: {text}') from None
    print(f'{count} tensors in {args.target}')


def convert(source: Path, target: Path, reverse: bool) -> int:
    """Writes ``target``; returns how many tensors it has."""
    checkpoint = read_checkpoint(source)
    if reverse:
        beside = checkpoint.get('reference_only')
        state = to_reference(unwrap(checkpoint), unwrap(beside) if isinstance(beside, dict) and beside else None)
        write_checkpoint(target, state, {}, key='model')
    else:
        state, beside = from_reference(checkpoint)
        arch = preset_of(state)
        write_checkpoint(target, state, dict(model=plain_network_config(arch)) if arch else {}, beside=beside)
    return len(state)


if __name__ == '__main__':
    main()
