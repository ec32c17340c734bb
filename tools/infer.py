"""Predicts with a detector or segmenter of pairs, and draws it on both images.

    python tools/infer.py CONFIG CHECKPOINT VISIBLE INFRARED [--out-dir work_dirs/inference] [--fused]

VISIBLE and INFRARED are files, globs, folders (pairs of the same names) or videos. Writes drawings to OUT_DIR/vis and
predictions to OUT_DIR/preds (boxes as JSON, label maps as PNG).
"""

import argparse

from mmdefusion.apis import open_paired


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('visible')
    parser.add_argument('infrared')
    parser.add_argument('--out-dir', default='work_dirs/inference', help='default: work_dirs/inference')
    parser.add_argument('--fused', action='store_true', help='also draw on the fused image')
    parser.add_argument(
        '--score-thr', type=float, default=0.3, help='smallest score of the boxes that are drawn (default: 0.3)'
    )
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument('--device', help='default: a GPU if there is one')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    try:
        inferencer = open_paired(args.config, args.checkpoint, args.score_thr, device=args.device, fused=args.fused)
        results = inferencer(args.visible, args.infrared, args.batch_size, args.out_dir)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    print(f'{len(results["predictions"])} pairs: {args.out_dir}/vis, {args.out_dir}/preds')


if __name__ == '__main__':
    main()
