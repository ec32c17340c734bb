"""What the tab *Fuse* shows of a pair: the fused image, its parts, heat maps and metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isnan

import cv2
import numpy as np
import torch

from mmdefusion.apis import FusionInferencer
from mmdefusion.evaluation.baseline import mean_of
from mmdefusion.evaluation.functional import PROTOCOLS, lower_is_better
from mmdefusion.evaluation.score_table import Row
from mmdefusion.inference.sources import Item
from mmdefusion.models.fusers.attention_maps import attention_maps
from mmdefusion.models.fusers.picture_fuser import to_tensor
from mmdefusion.utils.image_io import reverse_channels
from mmdefusion.visualization import Table, brighten, draw_heat

from .uploads import Pair

PROTOCOL = {'ivf': 'vifb', 'mef': 'extra', 'mff': 'extra'}
NAMES = {
    'ivf': ('visible', 'infrared'),
    'mef': ('first exposure', 'second exposure'),
    'mff': ('first focus', 'second focus'),
}
ATTENTION_SIDE = 384  # pixels; attention of all patches to all others is 16 heads of (side / 16)⁴ numbers
KEPT = 3  # networks of other options that stay in memory, 54 MB each


@dataclass(frozen=True)
class Shown:
    """What is shown of one pair, images H×W×3 (RGB) or H×W, uint8.

    Attributes:
        sources: both sources, as they were fused: hot is bright in the infrared image, and it is grey.
        fused: the fused image.
        pictures: parts and heat maps by their captions.
        scores: metrics of the fused image and of the mean of both sources.
    """

    sources: Pair
    fused: np.ndarray
    pictures: dict[str, np.ndarray]
    scores: Table


@lru_cache(maxsize=KEPT)
def open_fuser(
    weights: str | None, device: str | None, task: str, colour: str | None, detail: str | None, target: str | None
) -> FusionInferencer:
    """The inferencer of these options, which are those of :class:`FusionInferencer`."""
    return FusionInferencer(
        weights, None, task, colour, detail=detail, target=target, device=device, show_progress=False
    )


def show(pair: Pair, fuser: FusionInferencer, task: str) -> Shown:
    """Fuses and scores a pair.

    Args:
        pair: two images of one size, of any depth.
        fuser: an inferencer of the task.
        task: 'ivf', 'mef' or 'mff'.

    Raises:
        ValueError: if the pair cannot be fused or scored.
    """
    first, second = fuser.read(Item('pair', pair))  # turned once, for all that follows
    images = fuser.fuse((first, second), parts=True, black_hot=False, share=True).images
    one, other = NAMES[task]
    parts = {
        'common: what both show': images['common'],
        f'unique to the {one} image': images['unique_a'],
        f'unique to the {other} image': images['unique_b'],
    }
    pictures = dict(brighten(caption, image) for caption, image in parts.items())
    pictures[f'share of the {one} image: red follows it'] = draw_share(first, images['share'])
    for title, drawn in draw_attention(fuser, first, second).items():
        pictures[title.format(one, other)] = drawn
    table = score({'fused': images['fused'], 'mean of the sources': mean_of(first, second)}, (first, second), task)
    rgb = {title: reverse_channels(image) for title, image in pictures.items()}
    return Shown((reverse_channels(first), reverse_channels(second)), reverse_channels(images['fused']), rgb, table)


def score(fused: dict[str, np.ndarray], sources: Pair, task: str) -> Table:
    """Makes a table of the metrics of a task: a row for each metric, a column for each fused image.

    Args:
        fused: fused images by name, H×W or H×W×3 BGR; the best number of each row is in bold.
        sources: both sources, H×W×3 BGR.
        task: 'ivf', 'mef' or 'mff'.
    """
    protocol = PROTOCOLS[PROTOCOL[task]]
    triples = {name: [reverse_channels(image) for image in (*sources, image)] for name, image in fused.items()}
    found = {name: protocol.scores(*triple) for name, triple in triples.items()}
    return Table(['metric', *found], metric_rows(found, protocol.metrics))


def metric_rows(found: Mapping[str, Row], metrics: Sequence[str]) -> list[list[str]]:
    """A row of a Markdown table for each metric, a column for each fused image; the best numbers are bold."""
    rows = []
    for metric in metrics:
        values = [row[metric] for row in found.values()]
        there = [value for value in values if not isnan(value)]
        best = (min if lower_is_better(metric) else max)(there, default=None)
        cells = ['–' if isnan(value) else f'**{value:.3f}**' if value == best else f'{value:.3f}' for value in values]
        rows.append([f'{metric} {"↓" if lower_is_better(metric) else "↑"}', *cells])
    return rows


def draw_share(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Draws the share of the first source over it: blue is 0, red is 1, whatever the range of the image."""
    coloured = cv2.applyColorMap(share, cv2.COLORMAP_JET)
    return cv2.addWeighted(coloured, 0.55, image, 0.45, 0)


def draw_attention(fuser: FusionInferencer, first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """Draws the attention that each source receives in the decomposition, by captions with two gaps for their names.

    Large images are shrunk, as the attention of all patches to all others would not fit into memory.
    """
    scale = min(1.0, ATTENTION_SIDE / max(first.shape[:2]))
    size = tuple(max(16, round(side * scale)) for side in first.shape[1::-1])
    small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (first, second)]
    pair = torch.cat([to_tensor(reverse_channels(image)) for image in small])[None].to(fuser.device)
    maps = attention_maps(fuser.model, pair)
    return {
        f'{kind}: attention to the {gap} image': draw_heat(image, heat.float().cpu().numpy())
        for kind, heats in zip(('common', 'unique'), maps, strict=True)
        for gap, image, heat in zip(('{0}', '{1}'), small, heats, strict=True)
    }
