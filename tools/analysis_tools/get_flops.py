"""Measures parameters, GFLOPs, time and memory of configs on one pair.

    python tools/analysis_tools/get_flops.py CONFIG [CONFIG ...] [--shape 480 640]

GFLOPs are multiply-adds of convolutions and matrix products (attention included), each counted once as in the
toolboxes, for both images of the pair. Weights are random, which affects proposals and post-processing.
"""

import argparse

import torch
from mmengine.config import Config, DictAction

from mmdefusion.experiments.complexity import build_model, measure_complexity, pair_of_noise
from mmdefusion.utils.options import absent_in_a_line, interrupted_in_a_line, present_file


@interrupted_in_a_line()
@absent_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', type=present_file, nargs='+', help='configs of the models')
    parser.add_argument('--shape', type=int, nargs=2, default=(480, 640), metavar=('H', 'W'), help='default: 480 640')
    parser.add_argument(
        '--device',
        default='cuda' if torch.cuda.is_available() else 'cpu',
        help='device of the networks (default: %(default)s)',
    )
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='for all: key.sub=value')
    args = parser.parse_args()
    print(f'{"million parameters":>20s}{"GFLOPs":>10s}{"seconds":>10s}{"peak MiB":>10s}  config, {args.shape}')
    for path in args.configs:
        config = Config.fromfile(path)
        config.merge_from_dict(args.cfg_options)
        config.model.pop('init_cfg', None)
        found = measure_complexity(build_model(config, args.device), pair_of_noise(config, *args.shape), repeats=1)
        numbers = f'{found.parameters / 1e6:20.2f}{found.operations / 1e9:10.2f}{found.seconds:10.3f}'
        print(f'{numbers}{found.peak_bytes / 2**20:10.0f}  {path}', flush=True)


if __name__ == '__main__':
    main()
