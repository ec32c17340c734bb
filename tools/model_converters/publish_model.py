"""Strip a training checkpoint to what others need: weights, and where they come from.

    python tools/model_converters/publish_model.py work_dirs/RUN/iter_1000.pth weights/defusionpp_tiny --fp16 \
        --data 'BSDS500 (360 images), RoadScene train, ...'

The file is named by the first eight digits of its SHA-256, and `meta` holds the config, the iteration, the data, the
git revision at publication and the last validation's numbers. `--layout mae` writes the encoder of a masked
autoencoder in MAE's own layout, which teachers read.
"""

import argparse
import hashlib
import subprocess
from pathlib import Path

import torch

from mmdefusion import __version__
from mmdefusion.models.checkpoints.mae import read_mae_encoder
from mmdefusion.models.checkpoints.unwrap import State, unwrap
from mmdefusion.models.layers import sincos_position_embedding
from mmdefusion.utils.run_log import validation_scores


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('checkpoint', type=Path, help='of a training run')
    parser.add_argument('target', type=Path, help='path without suffix; -SHA.pth is added')
    parser.add_argument('--fp16', action='store_true', help='half precision: half the size')
    parser.add_argument('--data', default='', help='what it was trained on, in words')
    parser.add_argument('--layout', choices=('mmdefusion', 'mae'), default='mmdefusion')
    parser.add_argument(
        '--drop',
        nargs='*',
        default=['teacher_head.'],
        metavar='PREFIX',
        help='parts to leave out (default: %(default)s, which only joint pretraining needs)',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if not args.checkpoint.is_file():
        raise SystemExit(f'{args.checkpoint} is not there.')
    checkpoint = torch.load(args.checkpoint, map_location='cpu', weights_only=True)
    meta = checkpoint.get('meta', {})
    try:
        weights = select(checkpoint, args)
        weights = to_half(weights) if args.fp16 else weights
        refuse_not_finite(weights)
    except ValueError as error:
        raise SystemExit(f'{args.checkpoint}: {error}') from None
    published = {
        'model' if args.layout == 'mae' else 'state_dict': weights,
        'meta': {
            'cfg': meta.get('cfg'),
            'iter': meta.get('iter'),
            'data': args.data,
            'numbers': last_numbers(args.checkpoint.parent, meta.get('iter')),
            'git_revision': git_revision(),
            'mmdefusion_version': __version__,
        },
    }
    args.target.parent.mkdir(parents=True, exist_ok=True)
    unnamed = args.target.with_name(args.target.name + '.tmp')
    torch.save(published, unnamed)
    digest = hashlib.sha256(unnamed.read_bytes()).hexdigest()
    named = unnamed.rename(args.target.with_name(f'{args.target.name}-{digest[:8]}.pth'))
    print(f'{named}: {len(weights)} tensors, {named.stat().st_size / 1e6:.1f} MB, {published["meta"]["numbers"]}')


def select(checkpoint: dict, args: argparse.Namespace) -> State:
    """The weights that are published."""
    if args.layout == 'mae':
        encoder = read_mae_encoder(checkpoint, str(args.checkpoint))
        return {'pos_embed': sincos_position_embedding(encoder['cls_token'].shape[-1])[None], **encoder}
    return {name: value for name, value in unwrap(checkpoint).items() if not name.startswith(tuple(args.drop))}


def to_half(weights: State) -> State:
    return {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}


def refuse_not_finite(weights: State) -> None:
    """Raises a ValueError that names weights with NaN or infinite values."""
    if bad := [name for name, value in weights.items() if not value.isfinite().all()]:
        raise ValueError(
            f'{len(bad)} tensors have NaN or infinite values ({weights[bad[0]].dtype}), first {bad[0]}: nothing was '
            'written. Publish an earlier checkpoint, or leave --fp16 out if that is what overflows.'
        )


def last_numbers(work_dir: Path, iteration: int | None) -> dict[str, float]:
    """Of the last validation up to ``iteration`` in the logs beside the checkpoint."""
    scores = validation_scores(work_dir)
    return scores[max(steps)] if (steps := [step for step in scores if iteration is None or step <= iteration]) else {}


def git_revision() -> str:
    command = ['git', '-C', str(Path(__file__).parent), 'describe', '--always', '--dirty', '--abbrev=40']
    result = subprocess.run(command, capture_output=True, text=True)
    return result.stdout.strip() or 'unknown'


if __name__ == '__main__':
    main()
