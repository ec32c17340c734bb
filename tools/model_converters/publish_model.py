"""Reduces a training checkpoint to what others need: the weights and their origin.

    python tools/model_converters/publish_model.py work_dirs/RUN/iter_1000.pth weights/defusionpp_tiny --fp16 \\
        --data 'BSDS500 (360 images), RoadScene train, ...'

The file is named by the first eight digits of its SHA-256, and `meta` holds the network as plain data, the config of
the training, the iteration, the data, the git revision at publication and the last validation's numbers. `--layout mae`
writes the encoder of a masked autoencoder in MAE's own layout, which teachers read; `--safetensors` writes that format.
Low-rank updates (`lora_rank`) are merged into the weights. What is published already keeps its origin, so the same
command turns a .pth into a .safetensors file.
"""

import argparse
import hashlib
import subprocess
from pathlib import Path
from typing import Any

from mmdefusion import __version__
from mmdefusion.apis.fuser_loading import carried_model, read_fuser
from mmdefusion.models.checkpoints.averaging import SHARE
from mmdefusion.models.checkpoints.low_rank import merge_low_rank
from mmdefusion.models.checkpoints.mae import read_mae_encoder
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.unwrap import State, refuse_not_finite, unwrap
from mmdefusion.models.checkpoints.writing import write_checkpoint
from mmdefusion.models.layers import sincos_position_embedding
from mmdefusion.models.networks.network_config import SLOTS, plain_network_config
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.utils.run_log import validation_scores


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', type=Path, help='checkpoint of a training')
    parser.add_argument('target', type=Path, help='path without suffix; -SHA.pth is added')
    parser.add_argument('--safetensors', action='store_true', help='write -SHA.safetensors')
    parser.add_argument('--fp16', action='store_true', help='half precision: half the size')
    parser.add_argument('--data', default='', help='what it was trained on, in words')
    parser.add_argument(
        '--layout',
        choices=('mmdefusion', 'mae'),
        default='mmdefusion',
        help='ours, or that of a masked autoencoder (default: mmdefusion)',
    )
    parser.add_argument(
        '--drop',
        nargs='*',
        default=['teacher_head.'],
        metavar='PREFIX',
        help='parts to leave out (default: %(default)s, which only joint pretraining needs)',
    )
    return parser.parse_args()


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    try:
        checkpoint = read_checkpoint(args.checkpoint)
        weights = select(checkpoint, args)
        weights = to_half(weights) if args.fp16 else weights
        remedy = 'nothing was written. Publish an earlier checkpoint, or leave --fp16 out if that is what overflows'
        refuse_not_finite(weights, str(args.checkpoint), remedy)
        meta = describe(checkpoint, args)
        suffix = '.safetensors' if args.safetensors else '.pth'
        unnamed = args.target.with_name(f'{args.target.name}.unnamed{suffix}')
        write_checkpoint(unnamed, weights, meta, key='model' if args.layout == 'mae' else 'state_dict')
        digest = hashlib.sha256(unnamed.read_bytes()).hexdigest()
        named = unnamed.replace(args.target.with_name(f'{args.target.name}-{digest[:8]}{suffix}'))
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    print(f'{named}: {len(weights)} tensors, {named.stat().st_size / 1e6:.1f} MB, {meta["numbers"]}')


def describe(checkpoint: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """Describes the origin of the weights, and the network if it fuses.

    Raises:
        ValueError: if the checkpoint claims to fuse, and its weights are not those of such a network.
    """
    meta = checkpoint['meta'] if isinstance(checkpoint.get('meta'), dict) else {}
    iteration = meta.get('iter') if isinstance(meta.get('iter'), int) else None
    published = {
        'cfg': meta['cfg'] if isinstance(meta.get('cfg'), str) else None,
        'iter': iteration,
        'data': args.data or _known(meta, 'data', ''),
        'numbers': last_numbers(args.checkpoint.parent, iteration) or _known(meta, 'numbers', {}),
        'git_revision': _known(meta, 'git_revision', '') or git_revision(),
        'mmdefusion_version': __version__,
    }
    if isinstance(meta.get('dataset_meta'), dict):  # the classes of a detector or segmenter
        published['dataset_meta'] = meta['dataset_meta']
    if isinstance(meta.get(SHARE), float):  # of average_weights.py: scores beside it are of other weights
        published |= {SHARE: meta[SHARE], 'numbers': {}}
    model = carried_model(checkpoint, str(args.checkpoint))
    if args.layout == 'mmdefusion' and isinstance(model, dict) and set(SLOTS) <= set(model):
        arch, _ = read_fuser(checkpoint, str(args.checkpoint))
        published['model'] = plain_network_config(arch)
    return published


def _known(meta: dict[str, Any], key: str, otherwise: Any) -> Any:
    """What an earlier publication said, if it is of the right type."""
    return meta[key] if isinstance(meta.get(key), type(otherwise)) else otherwise


def select(checkpoint: dict[str, Any], args: argparse.Namespace) -> State:
    """The weights that are published."""
    if args.layout == 'mae':
        encoder = read_mae_encoder(checkpoint, str(args.checkpoint))
        return {'pos_embed': sincos_position_embedding(encoder['cls_token'].shape[-1])[None], **encoder}
    state = merge_low_rank(unwrap(checkpoint, str(args.checkpoint)), str(args.checkpoint))
    return {name: value for name, value in state.items() if not name.startswith(tuple(args.drop))}


def to_half(weights: State) -> State:
    return {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}


def last_numbers(work_dir: Path, iteration: int | None) -> dict[str, float]:
    """Scores of the last validation up to ``iteration``, from the logs beside the checkpoint."""
    scores = validation_scores(work_dir)
    return scores[max(steps)] if (steps := [step for step in scores if iteration is None or step <= iteration]) else {}


def git_revision() -> str:
    command = ['git', '-C', str(Path(__file__).parent), 'describe', '--always', '--dirty', '--abbrev=40']
    try:
        result = subprocess.run(command, capture_output=True, text=True)
    except OSError:  # there is no git
        return 'unknown'
    return result.stdout.strip() or 'unknown'


if __name__ == '__main__':
    main()
