"""Scores of the fused image during pretraining."""

from collections.abc import Sequence

import torch
from mmengine.evaluator import BaseMetric

from mmdefusion.models.losses import ssim_map
from mmdefusion.registry import METRICS


@METRICS.register_module()
class FusedReconstruction(BaseMetric):
    """PSNR in dB and SSIM of the fused image against the clean image.

    The image is fused from two masked views of it (``_views``), and from the image itself given twice (``_identical``).
    Scores are means over images in [0, 1]; the fused image is clipped to this range. SSIM is computed on RGB with a
    Gaussian window of 11.
    """

    default_prefix = 'fused'

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            scores, target = {}, sample['target'].float()
            for kind in ('views', 'identical'):
                fused = sample[f'from_{kind}'].float().clip(0, 1)
                scores[f'psnr_{kind}'] = -10 * torch.log10(((fused - target) ** 2).mean()).item()
                scores[f'ssim_{kind}'] = ssim_map(fused[None], target[None]).mean().item()
            self.results.append(scores)

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        return {name: sum(scores[name] for scores in results) / len(results) for name in results[0]}
