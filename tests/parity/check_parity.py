"""Recompute a parity case with the formula weights and compare every key.

    python tests/parity/check_parity.py CASE.npz [--tolerance 1e-4] [--dtype float32|float64]

One line a key with its largest absolute difference, then `max_abs_diff=… keys=… missing=…`; exits 1
above the tolerance. A key that the project does not compute yet counts as missing.
"""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))
from formula import formula_checkpoint, formula_image

from mmdefusion.models.necks import SimpleFeaturePyramid
from mmdefusion.utils.reference_checkpoint import build_fuser, from_reference

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
DESCRIPTION = ('size', 'batch', 'seed', 'loss_seed', 'loss_batch')  # of the case, not to be compared


class Case:
    """The quantities of a case, each computed when it is first asked for."""

    def __init__(self, size: int, batch: int, seed: int, dtype: torch.dtype) -> None:
        weights = from_reference(formula_checkpoint()).state_dict
        self.fuser = build_fuser('tiny', common='ab').eval().to(dtype)
        self.fuser.load_state_dict({name: value for name, value in weights.items() if not name.startswith('neck.1.')})
        self.projection = SimpleFeaturePyramid(192).proj.eval().to(dtype)
        projection = {name[len('neck.1.proj.') :]: value for name, value in weights.items() if 'neck.1.' in name}
        self.projection.load_state_dict(projection)

        images = (formula_image(seed + offset, batch, size).to(dtype) for offset in (0, 1))
        self.pair = torch.cat([(image - MEAN.to(dtype)) / STD.to(dtype) for image in images], dim=1)
        neck = self.fuser.neck[0]
        self.features = self.fuser.backbone(self.pair)
        orders = {order: neck.decompose(self.features, order) for order in ('ab', 'ba')}
        self.deep, self.skip = ({order: parts[path] for order, parts in orders.items()} for path in (0, 1))
        self.fused_both = neck.fuse(*neck.decompose(self.features, 'sum'))[1]
        self.images = self.fuser(self.pair)

    def compute(self, key: str) -> Tensor | None:
        """The quantity that the case calls ``key``, subsampled as it is stored; None if nothing here computes it."""
        for pattern, quantity in QUANTITIES.items():
            if match := re.fullmatch(pattern, key):
                value = quantity(self, *match.groups())
                return value[:, :, ::9, ::9] if value.ndim == 4 else value[:, ::7, ::5]
        return None


QUANTITIES: dict[str, Callable[..., Tensor]] = {
    r'enc_([ab])_(\d+)': lambda case, image, layer: getattr(case.features.layers[int(layer)], image),
    r'common_(ab|ba)': lambda case, order: case.deep[order].common,
    r'common_skip_(ab|ba)': lambda case, order: case.skip[order].common,
    r'unique_([ab])': lambda case, image: getattr(case.deep['ab'], f'unique_{image}'),
    r'unique_skip_([ab])': lambda case, image: getattr(case.skip['ab'], f'unique_{image}'),
    r'fused_tokens_both': lambda case: case.fused_both,
    r'det_tokens': lambda case: case.projection(case.fused_both),
    r'img_(\w+)': lambda case, image: getattr(case.images, image),
}


@torch.no_grad()
def check(path: Path, dtype: torch.dtype = torch.float32) -> tuple[dict[str, float], list[str]]:
    """Largest absolute difference of each key, and the keys that nothing here computes."""
    stored = np.load(path)
    case = Case(*(int(stored[name]) for name in ('size', 'batch', 'seed')), dtype)
    differences, missing = {}, []
    for key in (key for key in stored.files if key not in DESCRIPTION):
        computed = case.compute(key)
        if computed is None:
            missing.append(key)
            continue
        expected = torch.from_numpy(stored[key]).double()
        if computed.shape != expected.shape:
            raise ValueError(f'{path}: {key} has shape {tuple(expected.shape)}, computed {tuple(computed.shape)}.')
        # NaN must not pass as small
        differences[key] = (computed.double() - expected).abs().nan_to_num(torch.inf).max().item()
    return differences, missing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('case', type=Path)
    parser.add_argument('--tolerance', type=float, default=1e-4)
    parser.add_argument('--dtype', choices=('float32', 'float64'), default='float32')
    args = parser.parse_args()
    differences, missing = check(args.case, getattr(torch, args.dtype))
    for key, difference in differences.items():
        print(f'{key:24s} {difference:.3e}{"" if difference <= args.tolerance else "  ABOVE THE TOLERANCE"}')
    for key in missing:
        print(f'{key:24s} not computed by this version')
    largest = max(differences.values(), default=float('inf'))
    print(f'max_abs_diff={largest:.3e} keys={len(differences)} missing={len(missing)}')
    return int(largest > args.tolerance)


if __name__ == '__main__':
    sys.exit(main())
