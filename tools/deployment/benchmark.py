"""Measures a network in PyTorch (eager, compiled), onnxruntime and OpenVINO side by side.

    python tools/deployment/benchmark.py CONFIG CHECKPOINT --pairs PAIRS --size 512 640

Prints time, memory, size of the file and agreement with eager PyTorch: PSNR in dB of fused images, percent of boxes
that match at IoU 0.99 and score ± 0.01, or percent of pixels with equal labels. All forms run in this process, one
after the other, on the pairs of a folder (vi and ir in it), OpenVINO where it is installed (mmdefusion[openvino]).
"""

import argparse
from pathlib import Path

FORMS = ('eager', 'compiled', 'onnxruntime', 'openvino')
PRECISIONS = ('fp32', 'fp16', 'int8')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint', nargs='?', help='default, for fusers: the weights that come with mmdefusion')
    parser.add_argument('--pairs', required=True, metavar='DIR')
    parser.add_argument(
        '--size', nargs=2, type=int, metavar=('H', 'W'), help='files for one size (default: open sizes)'
    )
    parser.add_argument('--forms', nargs='+', choices=FORMS, default=FORMS, metavar='FORM', help=', '.join(FORMS))
    parser.add_argument(
        '--precisions', nargs='+', choices=PRECISIONS, default=PRECISIONS, metavar='P', help=', '.join(PRECISIONS)
    )
    parser.add_argument('--repeats', type=int, default=3, help='runs that are timed (default: 3)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/deployment'), help='where the files go')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmdefusion.deployment.export.benchmarking import benchmark

    print(f'{"form":12s} {"precision":9s} {"time":>9s} {"peak":>10s} {"file":>9s} {"agreement":>10s}')
    size = args.size and tuple(args.size)
    try:
        for row in benchmark(
            args.config, args.checkpoint, args.pairs, args.work_dir, size, args.forms, args.precisions, args.repeats
        ):
            file = '' if row.megabytes is None else f'{row.megabytes:.1f} MB'
            print(
                f'{row.form:12s} {row.precision:9s} {row.seconds:7.3f} s {row.peak_bytes / 2**20:6.0f} MiB {file:>9s} '
                f'{row.agreement:10.2f}',
                flush=True,
            )
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None


if __name__ == '__main__':
    main()
