"""How the rule of detail was chosen: what VIFB's metrics would make of it, from training pairs alone.

    python tools/dev/choose_detail.py --pairs VI_DIR IR_DIR [--pairs VI_DIR IR_DIR ...] [--list NAMES.txt ...] \\
        --detail guidance=0 boost=0.3 levels=5

Metrics of other pairs say nothing of a place among published methods: scenes and noise differ. So four classical
methods that VIFB has published are computed on the training pairs too (LP_SR, guided-filter fusion for GFF,
anisotropic diffusion for ADF, the mean for DLF and ResNet). Each metric of our pictures is predicted by the line
through what LP_SR, the nearest to us, has there and on VIFB, with the slope that fits the other three best; of Qcv,
where those three go the wrong way, by the ratio to LP_SR's. VIFB's table of means is used, its pictures are not, but
for one thing: the four methods as they are written here were compared with their published means there (--check DIR).
"""

import argparse
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdefusion.apis import FusionInferencer
from mmdefusion.datasets.pairing import strip_suffix
from mmdefusion.evaluation.functional import VIFB_METRICS, vifb_scores
from mmdefusion.evaluation.published import mean_rank, rank, vifb_method_means
from mmdefusion.evaluation.score_table import mean_row
from mmdefusion.inference.sources import Item, list_items
from mmdefusion.models.fusers import ResidualDetail
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.utils.progress import track
from mmdefusion.utils.spread import evenly_spread
from mmdefusion.visualization import Table

OPTIONS = {name: int if name == 'levels' else float for name in signature(ResidualDetail).parameters}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--pairs',
        nargs=2,
        action='append',
        default=[],
        metavar=('VI_DIR', 'IR_DIR'),
        help='folders of training pairs; may be repeated',
    )
    parser.add_argument(
        '--list', action='append', default=[], type=Path, help='names to take, of folders that have any of them'
    )
    parser.add_argument('--limit', type=int, default=10, help='pairs of each folder, evenly spread (default: 10)')
    parser.add_argument(
        '--detail',
        nargs='*',
        default=[],
        metavar='OPTION=VALUE,...',
        help='numbers of ResidualDetail to try, a group for each column',
    )
    parser.add_argument('--check', type=Path, metavar='DIR', help="VIFB's pairs, to compare the anchors on")
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
    """LP_SR (Liu, Liu and Wang, 2015), its sparse codes' L1 norm replaced by that of a patch less its mean."""
    bands = []
    for _ in range(levels):
        small = [cv2.pyrDown(image) for image in (a, b)]
        one, other = (image - cv2.pyrUp(less, dstsize=a.shape[::-1]) for image, less in zip((a, b), small, strict=True))
        larger = (np.abs(one) > np.abs(other)).astype(np.float32)
        bands.append(np.where(cv2.blur(larger, (3, 3)) > 0.5, one, other))
        a, b = small
    picture = choose_patches(a, b)
    for band in reversed(bands):
        picture = cv2.pyrUp(picture, dstsize=band.shape[::-1]) + band
    return picture


def choose_patches(a: NDArray, b: NDArray, size: int = 8) -> NDArray:
    """The patches of either source that vary more; the mean where they overlap."""
    size = min(size, *a.shape)
    total, count = np.zeros_like(a), np.zeros_like(a)
    for top, left in np.ndindex(a.shape[0] - size + 1, a.shape[1] - size + 1):
        place = slice(top, top + size), slice(left, left + size)
        total[place] += max(a[place], b[place], key=lambda patch: np.abs(patch - patch.mean()).sum())
        count[place] += 1
    return total / count


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


def predict(scores: dict[str, float], anchors: dict[Callable, dict[str, float]]) -> dict[str, float]:
    """Each metric on VIFB, from its values on the training pairs and those of the anchors."""
    published, predicted = vifb_method_means(), {}
    near, near_there = anchors[laplacian_pyramid], published['LP_SR']
    for metric in VIFB_METRICS:
        there = [np.mean([published[name][metric] for name in names]) for names in ANCHORS.values()]
        steps = np.array([anchors[anchor][metric] for anchor in ANCHORS]) - near[metric]
        steps_there = np.array(there) - near_there[metric]
        slope = (steps * steps_there).sum() / np.square(steps).sum()
        predicted[metric] = float(near_there[metric] + slope * (scores[metric] - near[metric]))
    return predicted | {'Qcv': near_there['Qcv'] * scores['Qcv'] / near['Qcv']}


def check_anchors(folder: Path) -> None:
    """Prints what the anchors as written here, and as published, reach on VIFB's pairs."""
    rows: dict[Callable, dict] = {anchor: {} for anchor in ANCHORS}
    for item in track(list_items([str(folder / 'vi'), str(folder / 'ir')]), 'scoring the anchors'):
        grey, pictures = fuse_anchors(item)
        for anchor, picture in pictures.items():
            rows[anchor][item.name] = vifb_scores(*grey, picture)
    published, table = vifb_method_means(), []
    for anchor, names in ANCHORS.items():
        mine = mean_row(rows[anchor])
        entries = {anchor.__name__: mine} | {name: published[name] for name in names}
        table += [[name, *(f'{row[metric]:.4g}' for metric in VIFB_METRICS)] for name, row in entries.items()]
    print(Table(['method', *VIFB_METRICS], table, 'Anchors on VIFB: as written here, as published.').text())


def fuse_anchors(item: Item) -> tuple[list[NDArray], dict[Callable, NDArray]]:
    """A pair's grey images, and its pictures by the anchors."""
    grey = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in item.read()]
    sources = [image.astype(np.float32) / 255 for image in grey]
    return grey, {anchor: np.rint(anchor(*sources).clip(0, 1) * 255) for anchor in ANCHORS}


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    if args.check:
        check_anchors(args.check)
    if not args.pairs:
        return
    wanted = {strip_suffix(line.strip()) for path in args.list for line in path.read_text().splitlines()}
    items = []
    for folders in args.pairs:
        found = list_items(folders)
        items += evenly_spread([item for item in found if item.name in wanted] or found, args.limit)
    fuser = FusionInferencer(args.weights, colour='grey', target='off', show_progress=False)
    rules = {'default': ResidualDetail(), 'plain output': None}
    for text in args.detail:
        options = dict(part.split('=') for part in text.split(','))
        rules[text] = ResidualDetail(**{name: OPTIONS[name](value) for name, value in options.items()})
    rows: dict[object, dict] = {key: {} for key in (*rules, *ANCHORS)}
    for item in track(items, 'fusing and scoring'):
        grey, pictures = fuse_anchors(item)
        for name, rule in rules.items():
            fuser.model.detail = rule
            pictures[name] = fuser.fuse(item).images['fused']
        for key, picture in pictures.items():
            rows[key][str(item.images[0])] = vifb_scores(*grey, picture)
    means = {key: mean_row(found) for key, found in rows.items()}
    table = []
    for name in rules:
        entry = vifb_method_means() | {name: predict(means[name], means)}
        table.append([name, mean_rank(entry)[name], *(f'{rank(entry)[name][metric]:g}' for metric in VIFB_METRICS)])
    caption = f'Predicted places among 27, from {len(items)} training pairs.'
    print(Table(['rule', 'mean place', *VIFB_METRICS], table, caption).text())


if __name__ == '__main__':
    main()
