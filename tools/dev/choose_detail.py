"""How the rule of detail was chosen: what VIFB's metrics would make of it, from training pairs alone.

    python tools/dev/choose_detail.py --pairs VI_DIR IR_DIR [--pairs VI_DIR IR_DIR ...] [--list NAMES.txt ...] \\
        --detail guidance=0 boost=0.3 levels=5

Metrics of other pairs say nothing of a place among published methods: scenes and noise differ. So four classical
methods that VIFB has published are computed on the training pairs too (a Laplacian pyramid for LP_SR, guided-filter
fusion for GFF, anisotropic diffusion for ADF, the mean for DLF and ResNet), and a line through their published and
their computed values predicts each metric for our pictures. VIFB's pictures are not looked at; its table of means is.
The prediction of Qcv is not worth anything (the line goes the wrong way): read Qcv as it stands.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from mmdefusion.apis import FusionInferencer
from mmdefusion.apis.fusion_sources import list_items
from mmdefusion.datasets.pairing import strip_suffix
from mmdefusion.evaluation.functional import VIFB_METRICS, vifb_scores
from mmdefusion.evaluation.published import mean_rank, rank, vifb_method_means
from mmdefusion.evaluation.scores import mean_row
from mmdefusion.models import ResidualDetail
from mmdefusion.utils.spread import evenly_spread
from mmdefusion.visualization import Table

OPTIONS = {'levels': int, 'boost': float, 'guidance': float, 'sharpness': float}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pairs', nargs=2, action='append', required=True, metavar=('VI_DIR', 'IR_DIR'))
    parser.add_argument(
        '--list', action='append', default=[], type=Path, help='names to take, of folders that have any of them'
    )
    parser.add_argument('--limit', type=int, default=10, help='pairs of each folder, evenly spread (default: 10)')
    parser.add_argument('--detail', nargs='*', default=[], metavar='OPTION=VALUE,...')
    parser.add_argument('--weights', help='default: those that come with mmdefusion')
    return parser.parse_args()


def blur(image: NDArray, sigma: float) -> NDArray:
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def box(image: NDArray, radius: int) -> NDArray:
    return cv2.blur(image, (2 * radius + 1,) * 2, borderType=cv2.BORDER_REFLECT)


def guided(guide: NDArray, image: NDArray, radius: int, eps: float) -> NDArray:
    """Guided filter (He et al., 2010)."""
    mean_guide, mean_image = box(guide, radius), box(image, radius)
    covariance = box(guide * image, radius) - mean_guide * mean_image
    slope = covariance / (box(guide * guide, radius) - mean_guide**2 + eps)
    return box(slope, radius) * guide + box(mean_image - slope * mean_guide, radius)


def mean(a: NDArray, b: NDArray) -> NDArray:
    return (a + b) / 2


def laplacian_pyramid(a: NDArray, b: NDArray, levels: int = 4) -> NDArray:
    """The larger coefficient of each band; the rest from the source of more contrast."""
    fused = 0.0
    for level in range(levels):
        smooth_a, smooth_b = blur(a, 2.0**level), blur(b, 2.0**level)
        detail_a, detail_b = a - smooth_a, b - smooth_b
        fused = fused + np.where(np.abs(detail_a) > np.abs(detail_b), detail_a, detail_b)
        a, b = smooth_a, smooth_b
    strength = [blur(np.abs(image - blur(image, 2.0 ** (levels + 1))), 4) for image in (a, b)]
    share = blur((strength[0] > strength[1]).astype(np.float32), 4)
    return fused + share * a + (1 - share) * b


def guided_filter_fusion(a: NDArray, b: NDArray) -> NDArray:
    """GFF (Li, Kang and Hu, 2013)."""
    saliency = [cv2.GaussianBlur(np.abs(cv2.Laplacian(image, cv2.CV_32F)), (11, 11), 5) for image in (a, b)]
    chosen = (saliency[0] >= saliency[1]).astype(np.float32)
    base_a, base_b = box(a, 15), box(b, 15)
    fused = 0.0
    for parts, radius, eps in (((base_a, base_b), 45, 0.3), ((a - base_a, b - base_b), 7, 1e-6)):
        weight_a = guided(a, chosen, radius, eps).clip(0, 1)
        weight_b = guided(b, 1 - chosen, radius, eps).clip(0, 1)
        fused = fused + (weight_a * parts[0] + weight_b * parts[1]) / (weight_a + weight_b + 1e-9)
    return fused


def anisotropic_diffusion(a: NDArray, b: NDArray) -> NDArray:
    """ADF (Bavirisetti and Dhuli, 2016)."""
    base_a, base_b = diffuse(a), diffuse(b)
    details = a - base_a, b - base_b
    weights = np.abs(np.linalg.eigh(np.cov(np.stack([detail.ravel() for detail in details])))[1][:, -1])
    weights /= weights.sum()
    return (base_a + base_b) / 2 + weights[0] * details[0] + weights[1] * details[1]


def diffuse(image: NDArray, steps: int = 10, contrast: float = 30 / 255, rate: float = 0.15) -> NDArray:
    """Perona and Malik, 1990."""
    for _ in range(steps):
        padded = np.pad(image, 1, mode='edge')
        around = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
        image = image + rate * sum(np.exp(-(((one - image) / contrast) ** 2)) * (one - image) for one in around)
    return image


# what we compute, and the published methods that it stands for
ANCHORS: dict[Callable[[NDArray, NDArray], NDArray], tuple[str, ...]] = {
    mean: ('DLF', 'ResNet'),
    laplacian_pyramid: ('LP_SR',),
    guided_filter_fusion: ('GFF',),
    anisotropic_diffusion: ('ADF',),
}


def predict(scores: dict[str, float], anchors: list[dict[str, float]]) -> dict[str, float]:
    """Each metric on VIFB, from its values on the training pairs and those of the anchors."""
    published, predicted = vifb_method_means(), {}
    for metric in VIFB_METRICS:
        there = [np.mean([published[name][metric] for name in names]) for names in ANCHORS.values()]
        slope, offset = np.polyfit([anchor[metric] for anchor in anchors], there, 1)
        predicted[metric] = float(slope * scores[metric] + offset)
    return predicted


def main() -> None:
    args = parse_args()
    wanted = {strip_suffix(line.strip()) for path in args.list for line in path.read_text().splitlines()}
    items = []
    for folders in args.pairs:
        found = list_items(folders)
        items += evenly_spread([item for item in found if item.name in wanted] or found, args.limit)
    fuser = FusionInferencer(args.weights, colour='grey', show_progress=False)
    rules = {'default': ResidualDetail(), 'plain output': None}
    for text in args.detail:
        options = dict(part.split('=') for part in text.split(','))
        rules[text] = ResidualDetail(**{name: OPTIONS[name](value) for name, value in options.items()})
    rows: dict[object, list] = {key: [] for key in (*rules, *ANCHORS)}
    for item in track(items, 'fusing and scoring'):
        grey = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in item.read()]
        sources = [image.astype(np.float32) / 255 for image in grey]
        pictures = {anchor: np.rint(anchor(*sources).clip(0, 1) * 255) for anchor in ANCHORS}
        for name, rule in rules.items():
            fuser.model.detail = rule
            pictures[name] = fuser.fuse(item).images['fused']
        for key, picture in pictures.items():
            rows[key].append(vifb_scores(*grey, picture))
    means = {key: mean_row(found) for key, found in rows.items()}
    table = []
    for name in rules:
        entry = vifb_method_means() | {name: predict(means[name], [means[anchor] for anchor in ANCHORS])}
        table.append([name, mean_rank(entry)[name], *(f'{rank(entry)[name][metric]:g}' for metric in VIFB_METRICS)])
        table[-1].append(means[name]['Qcv'])
    caption = f'Predicted places among 27, from {len(items)} training pairs.'
    print(Table(['rule', 'mean place', *VIFB_METRICS, 'Qcv itself'], table, caption).text())


if __name__ == '__main__':
    main()
