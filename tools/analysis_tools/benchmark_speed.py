"""Measures time and memory of DeFusion++ against its textbook form: features, images, detector, segmenter, training.

    python tools/analysis_tools/benchmark_speed.py [--works features training] [--sizes 224 512 1024] [--out FILE.json]

"textbook" is the same network with the same weights, written out: explicit softmax matrices, one image after the other,
every linear map by itself, losses image by image. "ours" is the package as it is, "windowed" with windows of 14 patches
and four global blocks (a detector that trains has a spatial prior then; light-training is one with narrow maps and a
head of one convolution, as benchmark.py --light trains), "pooled" with windows that see each other in means over 5×5
patches and no global block, "closed" with a decomposition that is the sum of both images' tokens (SumInit(branches=0,
skip=0)), "bf16" under autocast, "windowed bf16", "pooled bf16" and "closed bf16" both, "compiled" by torch.compile.
"maps" is timed beside ResNet-50s with an FPN and a plain ViT. All forms run in this process in turn; memory is what a
run takes on top of weights and libraries (on Linux).
"""

import argparse
from pathlib import Path

import torch

from mmdefusion.experiments.speed import FORMS, WORKS, exponents, lines, measure_works, write_report
from mmdefusion.experiments.speed.roof import find_roof, profile
from mmdefusion.experiments.speed.timing import read_clock
from mmdefusion.experiments.speed.works import ENCODER_OPTIONS, FusedFeatures
from mmdefusion.utils.options import interrupted_in_a_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--works', nargs='+', choices=WORKS, default=['features'])
    parser.add_argument('--sizes', nargs='+', default=['224', '512', '1024'], help='side, or HEIGHTxWIDTH')
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument('--forms', nargs='+', choices=FORMS, default=['ours', 'textbook'])
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--clock', choices=('wall', 'cpu'), default='wall', help='cpu: processor time (default: wall)')
    parser.add_argument('--out', type=Path, help='a JSON file; a plot of each work goes beside it')
    parser.add_argument('--profile', action='store_true', help='shares by kind of module, and the roof')
    args = parser.parse_args()
    args.sizes = [tuple(map(int, (size if 'x' in size else f'{size}x{size}').split('x'))) for size in args.sizes]
    return args


def print_profile(size: tuple[int, int], form: str, args: argparse.Namespace) -> None:
    device = torch.device(args.device)
    model, pair = (
        FusedFeatures(**ENCODER_OPTIONS.get(form, {})).to(device).eval(),
        torch.randn(args.batch, 6, *size, device=device),
    )
    with torch.inference_mode():
        model(pair)
        start = read_clock(args.clock, device)
        model(pair)
        seconds = read_clock(args.clock, device) - start
        parts = profile(model, lambda: model(pair), args.clock)
    roof = find_roof(model, pair, args.clock)
    print(f'fused features, {size[1]}x{size[0]}, {form}')
    for name, share in sorted(parts.items(), key=lambda item: -item[1]):
        print(f'  {name:36s}{100 * share / sum(parts.values()):6.1f} %')
    work = f'{roof.operations / 1e9:.1f} billion operations and {roof.exponentials / 1e6:.0f} million exponentials'
    print(f"  {work} take {roof.seconds:.3f} s at this machine's rates; the network took {seconds:.3f} s")


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    device = torch.device(args.device)
    about = f'torch {torch.__version__}, {device}, {torch.get_num_threads()} threads'
    print(f'{about}, {args.clock} time, {args.repeats} rounds')
    results = []
    for result in measure_works(args.works, args.sizes, args.batch, args.forms, args.repeats, device, args.clock):
        print(*lines(result), sep='\n', flush=True)
        results.append(result)
    for work in args.works if len(args.sizes) > 1 else ():
        found = exponents([result for result in results if result.work == work])
        powers = ', '.join(f'{form} {power:.2f}' for form, power in found.items())
        print(f'{work}: time grows with the number of pixels to the power of {powers}')
    if args.out:
        write_report(results, args.out, device, args.clock)
    for size in args.sizes if args.profile else ():
        for form in ('ours', *ENCODER_OPTIONS):
            print_profile(size, form, args)


if __name__ == '__main__':
    main()
