"""Writes a fuser, detector or segmenter as one ONNX file of standard operators.

    python tools/deployment/export.py CONFIG CHECKPOINT --out model.onnx --verify PAIRS
    python tools/deployment/export.py configs/fusion/defusionpp_vit-tiny_vifb.py --out fuser.onnx   # our own weights

Inputs are `visible` (N×3×H×W, RGB) and `infrared` (N×1×H×W or N×3×H×W), 0 to 255 each; the file normalises them.
Outputs are `fused`, or `boxes, scores, labels` (and `masks` of a Mask R-CNN), or `mask` (`logits` where the test
pipeline resizes). PAIRS is a folder with the folders vi and ir (or visible and infrared). Exit status: 1 if the file is
not as PyTorch within the tolerances (docs/deployment.md), or on any error.
"""

import argparse
import logging
import warnings

from mmdefusion.utils.compat import missing_extra
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line, size


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of the network')
    parser.add_argument(
        'checkpoint', nargs='?', help='default, for configs/fusion: the weights that come with mmdefusion'
    )
    parser.add_argument('--out', required=True, metavar='FILE', help='the file to write, .onnx')
    parser.add_argument(
        '--what',
        choices=('model', 'features'),
        default='model',
        help='features: the maps that a head would read (default: model)',
    )
    parser.add_argument(
        '--size', type=size, metavar='WxH', help='a file for pairs of this size only, such as 640x512 (default: any)'
    )
    parser.add_argument(
        '--pixels', choices=('float32', 'uint8'), default='float32', help='dtype of both inputs (default: float32)'
    )
    parser.add_argument('--fp16', action='store_true', help='weights and maps of 16 bits')
    parser.add_argument('--int8', metavar='PAIRS', help='weights and maps of 8 bits, calibrated on these pairs')
    parser.add_argument('--verify', metavar='PAIRS', help='compare the file with PyTorch on these pairs')
    return parser.parse_args()


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    warnings.filterwarnings('ignore')
    for name in ('torch.onnx', 'onnxscript', 'onnx_ir'):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        from mmdefusion.deployment.export.exporting import export_network

        done = export_network(
            args.config,
            args.checkpoint,
            args.out,
            args.what,
            args.size and args.size.shape,
            args.fp16,
            args.int8,
            args.verify,
            args.pixels,
        )
    except ModuleNotFoundError as error:
        if error.name in ('onnx', 'onnxscript', 'onnxruntime'):
            raise SystemExit(f'{missing_extra("export", error.name)}.') from None
        raise SystemExit(f'{shown(error)}: see docs/install.md.') from None
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    print(f'{done.file}: {done.file.stat().st_size / 1e6:.1f} MB, outputs {", ".join(done.loaded.module.outputs)}')
    if done.comparison:
        print(done.comparison.text)
        if not done.comparison.passed:
            raise SystemExit('The file is not as PyTorch.')


if __name__ == '__main__':
    main()
