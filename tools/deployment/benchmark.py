"""Measures a network in PyTorch (eager, compiled), onnxruntime and OpenVINO side by side, and what each form loses.

    python tools/deployment/benchmark.py CONFIG CHECKPOINT --pairs PAIRS --truth TRUTH --calibration OTHER_PAIRS

Prints for each form and precision: time of the first pair, processor time of all threads (the one to compare where
other programs run), peak memory of the process, size of the file, agreement with eager PyTorch (PSNR in dB of fused
images, percent of boxes that match at IoU 0.99 and score ± 0.01, percent of pixels with equal labels), and scores: of
fusers Ssim, Qabf and Psnr of VIFB, of detectors mAP and AP50 (TRUTH: a COCO file), of segmenters mIoU (TRUTH: a folder
of label maps). All forms run in this process, one after the other, on the pairs of a folder (vi and ir in it), OpenVINO
where it is installed (mmdefusion[openvino]). bf16 is PyTorch's autocast, or OpenVINO's where the processor can.
"""

import argparse
from pathlib import Path

from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line

FORMS = ('eager', 'compiled', 'onnxruntime', 'openvino')
PRECISIONS = ('fp32', 'bf16', 'fp16', 'int8')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint', nargs='?', help='default, for fusers: the weights that come with mmdefusion')
    parser.add_argument('--pairs', required=True, metavar='DIR')
    parser.add_argument(
        '--truth', type=Path, metavar='PATH', help='boxes (COCO file) or label maps (folder) of the pairs'
    )
    parser.add_argument('--calibration', metavar='DIR', help='pairs for 8 bits (default: those of --pairs)')
    parser.add_argument(
        '--size', nargs=2, type=int, metavar=('H', 'W'), help='files for one size (default: open sizes)'
    )
    parser.add_argument('--forms', nargs='+', choices=FORMS, default=FORMS, metavar='FORM', help=f'{", ".join(FORMS)} (default: all)')
    parser.add_argument(
        '--precisions', nargs='+', choices=PRECISIONS, default=PRECISIONS, metavar='P', help=f'{", ".join(PRECISIONS)} (default: all)'
    )
    parser.add_argument('--repeats', type=int, default=3, help='runs that are timed (default: 3)')
    parser.add_argument('--threads', type=int, help='of each form (default: as many as torch takes)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/deployment'), help='where the files go (default: %(default)s)')
    return parser.parse_args()


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    from mmdefusion.deployment.export.benchmarking import benchmark

    columns = (
        f'{"form":12s} {"precision":9s} {"time":>9s} {"processor":>9s} {"peak":>10s} {"file":>9s} {"agreement":>10s}'
    )
    print(f'{columns}  scores')
    try:
        for row in benchmark(
            args.config,
            args.checkpoint,
            args.pairs,
            args.work_dir,
            args.size and tuple(args.size),
            args.forms,
            args.precisions,
            args.repeats,
            args.calibration,
            args.truth,
            args.threads,
        ):
            file = '' if row.megabytes is None else f'{row.megabytes:.1f} MB'
            scores = ', '.join(f'{name} {value:.3f}' for name, value in row.scores.items())
            print(
                f'{row.form:12s} {row.precision:9s} {row.seconds:7.3f} s {row.cpu_seconds:7.3f} s '
                f'{row.peak_bytes / 2**20:6.0f} MiB {file:>9s} {row.agreement:10.2f}  {scores}',
                flush=True,
            )
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None


if __name__ == '__main__':
    main()
