"""Measures latency and peak memory of the fused features and of a training step, against plain attention.

    python tools/analysis_tools/benchmark_speed.py [--sizes 224 512 1024] [--arch tiny] [--device cpu]

"ours" is the package as it is. "plain" is the same network with the same weights, run as in the authors' code: one
image after the other through the encoder, and attention with its N×N matrix in memory. Both are timed in this process,
in turn; memory on a CPU is the peak of the process, weights and libraries included (Linux only).
"""

import argparse
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.layers import Content
from mmdefusion.models.necks import DecompositionNeck
from mmdefusion.models.structures import Pair, PairFeatures
from mmdefusion.utils.measuring import measure


class FusedFeatures(nn.Module):
    """Encoder and decomposition: B×6×H×W to the fused tokens."""

    def __init__(self, arch: str) -> None:
        super().__init__()
        self.encoder = DeFusionEncoder(arch)
        self.decomposition = DecompositionNeck(self.encoder.embed_dims)

    def forward(self, pair: Tensor) -> Tensor:
        return self.decomposition(self.encoder(pair)).fused


class OneAfterTheOther(FusedFeatures):
    """The same network, with one image after the other."""

    def forward(self, pair: Tensor) -> Tensor:
        encoded = [self.encoder.encode(image) for image in pair.chunk(2, dim=1)]
        (a, b), grid = (layers for layers, _ in encoded), encoded[0][1]
        skip = (self.encoder.skip_norm1(layers[0]) + self.encoder.skip_norm2(layers[1]) for layers in (a, b))
        features = PairFeatures(Pair(a[-1], b[-1]), Pair(*skip), (), grid, Content(tuple(pair.shape[-2:])))
        return self.decomposition(features).fused


def forward(model: nn.Module, pair: Tensor) -> Callable[[], None]:
    @torch.inference_mode()
    def run() -> None:
        model.eval()(pair)

    return run


def training_step(model: nn.Module, pair: Tensor) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters())

    def run() -> None:
        optimizer.zero_grad()
        model.train()(pair).square().mean().backward()
        optimizer.step()

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--sizes', type=int, nargs='+', default=[224, 512, 1024], help='sides of the square images')
    parser.add_argument('--train-size', type=int, default=224, help='side of the images of the training step')
    parser.add_argument('--arch', default='tiny', choices=('tiny', 'small', 'base'))
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--ours-only', action='store_true', help='skip the plain form, which needs far more memory')
    args = parser.parse_args()
    device = torch.device(args.device)

    torch.manual_seed(0)
    ours = FusedFeatures(args.arch).to(device)
    plain = OneAfterTheOther(args.arch).to(device)
    plain.load_state_dict(ours.state_dict())
    forms = {'ours': (ours, nullcontext)}
    if not args.ours_only:
        forms['plain'] = (plain, lambda: sdpa_kernel(SDPBackend.MATH))

    name = torch.cuda.get_device_name(device) if device.type == 'cuda' else f'CPU, {torch.get_num_threads()} threads'
    print(f'DeFusion++ {args.arch}, one pair, torch {torch.__version__}, {name}')
    print(f'{"":24s}' + ''.join(f'{form + " time":>14s}{form + " memory":>15s}' for form in forms) + f'{"ratios":>18s}')
    tasks = [(f'features {size}x{size}', size, forward) for size in args.sizes]
    tasks.append((f'training step {args.train_size}', args.train_size, training_step))
    for title, size, task in tasks:
        pair = torch.randn(1, 6, size, size, device=device)
        results = []
        for model, kernels in forms.values():
            with kernels():
                results.append(measure(task(model, pair), args.repeats, device))
        cells = ''.join(f'{r.seconds:12.3f} s{r.peak_bytes / 2**20:11.0f} MiB' for r in results)
        if len(results) == 2:
            mine, other = results
            cells += f'{other.seconds / mine.seconds:9.1f}x {other.peak_bytes / mine.peak_bytes:7.1f}x'
        print(f'{title:24s}{cells}', flush=True)


if __name__ == '__main__':
    main()
