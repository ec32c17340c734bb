"""Fuses images, folders or videos.

    python tools/fuse.py VISIBLE INFRARED                           # two images -> fused/VISIBLE.png
    python tools/fuse.py VISIBLE_DIR INFRARED_DIR --out-dir fused   # all pairs of the same names
    python tools/fuse.py 'vi/*.jpg' 'ir/*.jpg'                      # matched by position, in the order of their names
    python tools/fuse.py visible.mp4 infrared.mp4                   # two videos -> a video
    python tools/fuse.py under.jpg normal.jpg over.jpg --task mef   # exposures (or foci: --task mff)

The result has the size and the name of the first image. By default brightness is fused and the colours of the visible
image are kept; texture, which the network cannot represent, is taken from the source that the network follows (--detail
none for its plain output); people and cars that the infrared image shows stand out, and skies stay those of the visible
image (--target off for neither). Images that cannot be read or fused are named at the end (exit status 1); all others
are fused.
"""

import argparse
import time

from mmdefusion.inference.fusing import Fusing
from mmdefusion.inference.outputs import OUTPUTS, NotAllDone
from mmdefusion.rules.options import TASKS, read_detail
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line, warn_in_a_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sources', nargs='+', metavar='SOURCE', help='images, folders, globs or videos; visible first')
    parser.add_argument('--out-dir', default='fused', help='default: fused')
    parser.add_argument(
        '--task', choices=list(TASKS), default='ivf', help='infrared-visible, exposures, foci (default: ivf)'
    )
    outputs = 'fused (default), common, unique_a, unique_b, share of the first source, or panel with the first four'
    parser.add_argument('--outputs', nargs='+', choices=OUTPUTS, default=['fused'], metavar='OUTPUT', help=outputs)
    parser.add_argument(
        '--colour',
        choices=('luma', 'rgb', 'exposed', 'grey'),
        help='default: luma for ivf, exposed for mef (rgb with --detail none), rgb for mff',
    )
    parser.add_argument(
        '--detail',
        default='residual',
        metavar='RULE',
        help='residual (default), none for the plain output of the network, or numbers of the rule that differ: '
        'boost=0.3,sharpness=8 (compare_fusion.py compares them)',
    )
    parser.add_argument(
        '--target',
        choices=('keep', 'highlight', 'off'),
        help='keep (default for infrared and visible images): people stand out, skies stay as they are; highlight: all '
        'that is hot is bright; off (default for --task mef and mff, --detail none, --colour rgb and exposed): neither',
    )
    parser.add_argument('--resize', action='store_true', help='resize the other images to the size of the first')
    parser.add_argument('--resume', action='store_true', help='skip results that are in --out-dir already')
    parser.add_argument('--shard', metavar='I/N', help='fuse every N-th item from the I-th on, beside other processes')
    parser.add_argument('--workers', type=int, default=2, help='images that are fused at once (default: 2)')
    parser.add_argument(
        '--suffixes',
        nargs='+',
        default=(),
        metavar='S',
        help='endings that tell files of folders apart: _A _B (folders only)',
    )
    parser.add_argument(
        '--fold', action='store_true', help='fuse many files (more than 9, or of several folders) into one image'
    )
    parser.add_argument('--skip-unmatched', action='store_true', help='leave out files without a partner')
    parser.add_argument(
        '--weights',
        help='checkpoint of pretraining, or an exported .onnx file, which needs no torch (default: the checkpoint that '
        'comes with mmdefusion)',
    )
    parser.add_argument('--config', help='config, for weights that carry none')
    parser.add_argument(
        '--thermal-range',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='counts of 16-bit (values of float) infrared images that become black and white (default: percentiles of '
        'each)',
    )
    parser.add_argument(
        '--polarity',
        choices=('auto', 'white-hot', 'black-hot'),
        default='auto',
        help='whether hot is bright or dark in infrared images (default: guessed, with a warning if it is dark)',
    )
    parser.add_argument(
        '--whole-below',
        type=int,
        metavar='PIXELS',
        help='images with fewer pixels are not cut into windows (default: 65536)',
    )
    parser.add_argument('--window', type=int, help='side of a sliding window in pixels (default: 224, as in training)')
    parser.add_argument(
        '--network-pixels',
        type=int,
        metavar='PIXELS',
        help='most pixels of an image that the network sees where detail comes from the sources: fewer are faster '
        '(default: 20480 for videos, 192080 for infrared and visible images, else all)',
    )
    parser.add_argument('--batch-size', type=int, default=4, help='windows per batch (default: 4)')
    parser.add_argument('--device', help='default: a GPU if there is one')
    return parser.parse_args()


def open_fuser(args: argparse.Namespace) -> Fusing:
    """The fuser of a checkpoint, or of an exported file."""
    windows = dict(size=args.window, batch_size=args.batch_size, whole_below=args.whole_below)
    options = dict(
        sliding_window={key: value for key, value in windows.items() if value is not None},
        task=args.task,
        colour=args.colour,
        detail=read_detail(args.detail),
        thermal_range=args.thermal_range and tuple(args.thermal_range),
        polarity=args.polarity,
        target=args.target,
        network_pixels=args.network_pixels,
    )
    if (args.weights or '').endswith('.onnx'):
        if args.config or args.device:
            raise ValueError('An exported file takes no --config and --device: leave them out.')
        from mmdefusion.deployment import OnnxFuser

        return OnnxFuser(args.weights, **options)
    from mmdefusion.apis import FusionInferencer

    return FusionInferencer(args.weights, args.config, device=args.device, **options)


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    warn_in_a_line()
    start, failed = time.monotonic(), None
    try:
        fuser = open_fuser(args)
        written = fuser(
            *args.sources,
            out_dir=args.out_dir,
            outputs=args.outputs,
            resize=args.resize,
            resume=args.resume,
            suffixes=args.suffixes,
            fold=args.fold,
            skip_unmatched=args.skip_unmatched,
            shard=args.shard,
            workers=args.workers,
        )
    except NotAllDone as error:
        written, failed = error.results, str(error)
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    some = ', '.join(map(shown, written[:3])) + (', ...' if len(written) > 3 else '')
    print(f'{len(written)} written in {time.monotonic() - start:.1f} s{f": {some}" if written else ""}')
    if failed:
        raise SystemExit(failed)


if __name__ == '__main__':
    main()
