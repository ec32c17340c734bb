"""Writes weights between those that a training began with and those that it ended with.

    python tools/model_converters/average_weights.py work_dirs/RUN/iter_1000.pth TARGET.pth --share 0.5 \\
        --start backbone. tiny backbone.

A training on one kind of data makes weights better there and often worse elsewhere; their mean with the weights that
it began with can be better on both (Wortsman et al., arXiv 2109.01903). `--start PREFIX FILE OTHER` says that weights
whose names begin with PREFIX began as those of FILE (a checkpoint, or a name such as 'tiny') whose names begin with
OTHER instead; `--start-at-zero PREFIX` that they began at 0. Everything else stays as it was trained. Low-rank updates
(`lora_rank`) of all files are merged into their weights first. End a prefix with a dot where a part of a name ends.
"""

import argparse
from pathlib import Path

import torch

from mmdefusion.models.checkpoints.averaging import SHARE, average, find_start, weights_under
from mmdefusion.models.checkpoints.low_rank import merge_low_rank
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.unwrap import State
from mmdefusion.models.checkpoints.weights_fit import read_weights, weights_of
from mmdefusion.models.checkpoints.writing import write_checkpoint
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line

KEPT = 'cfg', 'iter', 'epoch', 'data', 'dataset_meta', 'git_revision'  # of the meta; scores are of other weights


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', type=Path, help='checkpoint at the end of the training')
    parser.add_argument('target', type=Path, help='file that is written; it must not be there yet')
    parser.add_argument(
        '--share', type=float, default=0.5, help='of the trained weights, from 0 to 1 (default: %(default)s)'
    )
    names = 'PREFIX', 'FILE', 'OTHER'
    parser.add_argument(
        '--start',
        nargs=3,
        action='append',
        default=[],
        metavar=names,
        help='where weights began, see above; may be repeated',
    )
    parser.add_argument(
        '--start-at-zero', nargs='+', default=[], metavar='PREFIX', help='weights with these prefixes began at 0'
    )
    args = parser.parse_args()
    if not 0 <= args.share <= 1:
        parser.error(f'--share {args.share} is not between 0 and 1.')
    if not args.start and not args.start_at_zero:
        parser.error('nothing to average with: give --start or --start-at-zero.')
    if args.target.exists():
        parser.error(f'{args.target} is there already: name another file, or remove it.')
    return args


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    try:
        content = read_checkpoint(args.checkpoint)
        trained = merge_low_rank(weights_of(content, str(args.checkpoint)), str(args.checkpoint))
        start = read_start(trained, args)
        meta = content.get('meta', {})
        kept = {key: meta[key] for key in KEPT if key in meta}
        write_checkpoint(args.target, average(start, trained, args.share), kept | {SHARE: args.share})
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    parts = sorted({'.'.join(key.split('.')[:2]) for key in trained.keys() - start.keys()})
    left = f'; as they were trained: {", ".join(parts)}' if parts else ''
    print(f'{args.target}: {len(start)} of {len(trained)} tensors between start and end{left}')


def read_start(trained: State, args: argparse.Namespace) -> State:
    """What the trained weights began with, as far as the arguments say it."""
    start, name = {}, str(args.checkpoint)
    for prefix, file, other in args.start:
        state = merge_low_rank(read_weights(file), file)
        start |= find_start(weights_under(prefix, trained, name), prefix, state, other, file)
    for prefix in args.start_at_zero:
        start |= {key: torch.zeros_like(value) for key, value in weights_under(prefix, trained, name).items()}
    return start


if __name__ == '__main__':
    main()
