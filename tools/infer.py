"""Predicts with a detector or segmenter of pairs, and draws it on both images.

    python tools/infer.py CONFIG CHECKPOINT VISIBLE INFRARED [--out-dir work_dirs/inference] [--fused]
    python tools/infer.py MODEL.onnx VISIBLE INFRARED            # an exported file, which needs no torch

VISIBLE and INFRARED are files, globs, folders (pairs of the same names) or videos. Writes drawings to OUT_DIR/vis and
predictions to OUT_DIR/preds (boxes as JSON, label maps as PNG).
"""

import argparse

from mmdefusion.inference.outputs import NotAllDone
from mmdefusion.inference.predicting import Predicting
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line, warn_in_a_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config, or an exported .onnx file')
    parser.add_argument('checkpoint', nargs='?', help='weights of the config; none for an exported file')
    parser.add_argument('visible', help='visible images or video')
    parser.add_argument('infrared', help='infrared images or video')
    parser.add_argument('--out-dir', default='work_dirs/inference', help='default: work_dirs/inference')
    parser.add_argument('--fused', action='store_true', help='also draw on the fused image')
    parser.add_argument(
        '--score-thr', type=float, default=0.3, help='smallest score of the boxes that are drawn (default: 0.3)'
    )
    parser.add_argument(
        '--batch-size', type=int, default=1, help='pairs that go through the network at once (default: 1)'
    )
    parser.add_argument(
        '--resize',
        action='store_true',
        help="resize infrared frames and, for exported files, images to the visible size (for images the config's "
        'AppendPartner decides)',
    )
    parser.add_argument(
        '--suffixes', nargs=2, default=(), metavar=('V', 'I'), help='endings that tell files of folders apart: _rgb _ir'
    )
    parser.add_argument(
        '--skip-unmatched', action='store_true', help='leave out files of folders and globs without a partner'
    )
    parser.add_argument(
        '--resume',
        action='store_true',
        help='skip what is in --out-dir already, by name: take another folder for another model or other options',
    )
    parser.add_argument('--shard', metavar='I/N', help='every N-th pair from the I-th on, beside other processes')
    parser.add_argument('--device', help='default: a GPU if there is one')
    args = parser.parse_args()
    if args.config.endswith('.onnx') == (args.checkpoint is not None):
        parser.error('A config needs a checkpoint, and an exported file has none: CONFIG CHECKPOINT or MODEL.onnx.')
    if args.config.endswith('.onnx') and (args.fused or args.device):
        parser.error('An exported file takes no --fused and --device: leave them out.')
    return args


def open_exported(args: argparse.Namespace) -> Predicting:
    """The detector or segmenter of an exported file."""
    from mmdefusion.deployment import OnnxDetector, OnnxSegmenter, read_metadata

    if read_metadata(args.config).task == 'segment':
        return OnnxSegmenter(args.config)
    return OnnxDetector(args.config, score_thr=args.score_thr)


def open_trained(args: argparse.Namespace) -> Predicting:
    """The detector or segmenter of a config and its weights."""
    from mmdefusion.apis import open_paired

    return open_paired(args.config, args.checkpoint, args.score_thr, device=args.device, fused=args.fused)


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    warn_in_a_line()
    try:
        inferencer = (open_exported if args.config.endswith('.onnx') else open_trained)(args)
        results = inferencer(
            args.visible,
            args.infrared,
            args.batch_size,
            args.out_dir,
            resize=args.resize,
            suffixes=args.suffixes,
            skip_unmatched=args.skip_unmatched,
            keep=False,
            resume=args.resume,
            shard=args.shard,
        )
    except (OSError, ValueError) as error:  # that of several items has a line for each
        raise SystemExit(str(error) if isinstance(error, NotAllDone) else shown(error)) from None
    count = results['count']
    print(f'{count} {"pair" if count == 1 else "pairs"}: {args.out_dir}/vis, {args.out_dir}/preds')


if __name__ == '__main__':
    main()
