"""Recompute a parity case with the formula weights and compare every key.

    python tests/parity/check_parity.py CASE.npz [--tolerance 1e-4] [--dtype float32|float64]

One line a key with its largest absolute difference, then `max_abs_diff=… keys=… missing=…`; exits 1
above the tolerance. A key that the project does not compute yet counts as missing.
"""

import argparse
import re
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))
from formula import formula_checkpoint, formula_image, formula_masks, formula_noise

from mmdefusion.models.checkpoints.mae import read_mae_encoder
from mmdefusion.models.fusers.image_fuser import FusedImages
from mmdefusion.models.layers import sample_kept
from mmdefusion.models.losses import CUDLoss, MCUDLoss
from mmdefusion.models.necks import SimpleFeaturePyramid
from mmdefusion.models.networks.reference import TEACHERS, from_reference
from mmdefusion.models.pretrainers import MCUDPretrainer
from mmdefusion.models.pretrainers.cud import targets
from mmdefusion.models.pretrainers.views import Views
from mmdefusion.models.structures import Pair, PairFeatures, Parts, Sensors

DESCRIPTION = ('size', 'batch', 'seed', 'loss_seed', 'loss_batch')  # of the case, not to be compared


def build_model(dtype: torch.dtype) -> MCUDPretrainer:
    """The multi-modal pretrainer, which holds every part but a detector's, with the formula weights."""
    head = dict(type='mmdefusion.ImageHead', embed_dims=192)
    teacher = dict(type='mmdefusion.MAETeacher', arch='base')
    model = MCUDPretrainer(
        backbone=dict(type='mmdefusion.DeFusionEncoder', arch='tiny'),
        neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=192)],
        common_head=head,
        unique_head=head,
        fused_head=head,
        mfm_head=dict(type='mmdefusion.MFMHead', embed_dims=192),
        view_generator=dict(type='mmdefusion.MaskedViews'),
        cud_loss=dict(type='mmdefusion.CUDLoss'),
        infrared_teacher=teacher,
        visible_teacher=teacher,
        teacher_head=dict(type='mmdefusion.TeacherPredictionHead', embed_dims=192),
        mcud_loss=dict(type='mmdefusion.MCUDLoss'),
    )
    return model.eval().to(dtype)


class Case:
    """The quantities of a case, each computed when it is first asked for."""

    def __init__(
        self,
        size: int,
        batch: int,
        seed: int,
        dtype: torch.dtype,
        loss_seed: int | None = None,
        loss_batch: int | None = None,
    ) -> None:
        self.dtype = dtype
        self.size, self.seed, self.loss_seed, self.loss_batch = size, seed, loss_seed, loss_batch
        weights, set_aside = from_reference(formula_checkpoint())
        self.model = build_model(dtype)
        self.model.load_state_dict({name: value for name, value in weights.items() if 'neck.1.' not in name})
        for teacher, prefix in ((self.model.infrared_teacher, TEACHERS[0]), (self.model.visible_teacher, TEACHERS[1])):
            state = {name.removeprefix(prefix): value for name, value in set_aside.items() if name.startswith(prefix)}
            teacher.load(read_mae_encoder(state, prefix))
        self.projection = SimpleFeaturePyramid(192).proj.eval().to(dtype)
        projection = {name[len('neck.1.proj.') :]: value for name, value in weights.items() if 'neck.1.' in name}
        self.projection.load_state_dict(projection)
        self.pair = Pair(*(formula_image(seed + offset, batch, size).to(dtype) for offset in (0, 1)))
        self.normalized = Pair(*(self.model.normalize(image) for image in self.pair))

    @cached_property
    def features(self) -> PairFeatures:
        return self.model.backbone(torch.cat(self.normalized, dim=1))

    @cached_property
    def parts(self) -> dict[str, tuple[Parts, Parts]]:
        """Deep and skip parts for each order of the common feature."""
        return {order: self.model.decomposition.decompose(self.features, order) for order in ('ab', 'ba')}

    @cached_property
    def fused_both(self) -> Tensor:
        return self.model.decomposition(self.features, 'sum').fused

    @cached_property
    def reconstruction(self) -> tuple[FusedImages, Tensor]:
        num_patches = self.features.grid[0] * self.features.grid[1]
        noise = formula_noise(self.seed + 2, len(self.pair.a), num_patches)
        kept = sample_kept(noise, self.model.mfm_head.mask_ratio)
        return self.model.reconstruct(self.pair, order='ab', kept=kept)

    @cached_property
    def sensors(self) -> Sensors:
        """The pair as MCUD takes it: a is the infrared image."""
        return Sensors(visible=self.pair.b, infrared=self.pair.a)

    @cached_property
    def teachers(self) -> Sensors:
        return self.model.teach(self.sensors)

    @cached_property
    def predicted(self) -> tuple[Sensors, Sensors]:
        return self.model.predict_teachers(self.sensors)

    @cached_property
    def cud_losses(self) -> dict[str, Tensor]:
        images = [formula_image(self.loss_seed + k, self.loss_batch, self.size).to(self.dtype) for k in range(6)]
        target, *drawn, mfm = images
        masks = (mask.to(self.dtype) for mask in formula_masks(self.loss_seed + 6, self.loss_batch, self.size))
        return CUDLoss()(FusedImages(*drawn), mfm, targets(Views(target, views=None, seen=Pair(*masks))))

    @cached_property
    def mcud_losses(self) -> dict[str, Tensor]:
        predicted, common = self.predicted
        return MCUDLoss()(predicted, self.teachers, common)

    def compute(self, key: str) -> Tensor | None:
        """The quantity that the case calls ``key``, subsampled as it is stored; None if nothing here computes it."""
        for pattern, quantity in QUANTITIES.items():
            if match := re.fullmatch(pattern, key):
                value = quantity(self, *match.groups())
                if value.ndim == 0:
                    return value
                return value[:, :, ::9, ::9] if value.ndim == 4 else value[:, ::7, ::5]
        return None


SENSORS = {'a': 'infrared', 'b': 'visible'}  # in the paper's MCUD
QUANTITIES: dict[str, Callable[..., Tensor]] = {
    r'enc_([ab])_(\d+)': lambda case, image, layer: getattr(case.features.layers[int(layer)], image),
    r'common_(ab|ba)': lambda case, order: case.parts[order][0].common,
    r'common_skip_(ab|ba)': lambda case, order: case.parts[order][1].common,
    r'unique_([ab])': lambda case, image: getattr(case.parts['ab'][0], f'unique_{image}'),
    r'unique_skip_([ab])': lambda case, image: getattr(case.parts['ab'][1], f'unique_{image}'),
    r'fused_tokens_both': lambda case: case.fused_both,
    r'det_tokens': lambda case: case.projection(case.fused_both),
    r'img_(\w+)': lambda case, image: getattr(case.reconstruction[0], image),
    r'rec': lambda case: case.reconstruction[1],
    r'teacher_([ab])': lambda case, image: getattr(case.teachers, SENSORS[image]),
    r'pred_([ab])': lambda case, image: getattr(case.predicted[0], SENSORS[image]),
    r'mcud_common_ab': lambda case: case.predicted[1].infrared,
    r'mcud_common_ba': lambda case: case.predicted[1].visible,
    r'loss_mcud_([ab])': lambda case, image: case.mcud_losses[f'loss_{SENSORS[image]}_teacher'],
    r'loss_mcud_common': lambda case: case.mcud_losses['loss_common_orders'],
    r'loss_common_mix': lambda case: case.cud_losses['loss_common'],
    r'loss_upper_mix': lambda case: case.cud_losses['loss_unique_a'],
    r'loss_lower_mix': lambda case: case.cud_losses['loss_unique_b'],
    r'loss_fusion_mix': lambda case: case.cud_losses['loss_fused'] + case.cud_losses['loss_fused_ssim'],
    r'loss_recon': lambda case: case.cud_losses['loss_mfm'],
    r'loss_total_loss': lambda case: sum(case.cud_losses.values()),
}


@torch.no_grad()
def check(path: Path, dtype: torch.dtype = torch.float32) -> tuple[dict[str, float], list[str]]:
    """Largest absolute difference of each key, and the keys that nothing here computes."""
    stored = np.load(path)
    described = {name: int(stored[name]) for name in DESCRIPTION if name in stored.files}
    case = Case(**described, dtype=dtype)
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
