"""What the tab *Compare* shows: fused images of other methods, scored beside ours."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdefusion.apis import FusionInferencer
from mmdefusion.evaluation.baseline import mean_of
from mmdefusion.evaluation.functional import VIFB_METRICS, vifb_scores
from mmdefusion.evaluation.published import mean_rank
from mmdefusion.evaluation.score_table import Row, mean_row
from mmdefusion.inference.infrared import tell_black_hot, to_white_hot
from mmdefusion.inference.methods import find_methods
from mmdefusion.inference.sources import Item
from mmdefusion.inference.stems import match_stems
from mmdefusion.utils.image_io import reverse_channels
from mmdefusion.visualization import Table
from mmdefusion.visualization.report import as_markdown

from .fusing import metric_rows
from .settings import Settings
from .uploads import Pair, read_upload

OURS, MEAN = 'mmdefusion', 'mean of the sources'
MOST_METHODS = 8  # files that a visitor may upload beside a pair
Images = dict[str, np.ndarray]


@dataclass(frozen=True)
class Methods:
    """A folder of pairs with the fused images of other methods, which the operator names.

    Attributes:
        root: the folder; it has ``vi/``, ``ir/`` and ``fused/METHOD/`` with files of the same names.
        files: paths of the visible, infrared and fused images, by the name of the pair.
        names: names of the methods, in the order of the paths.
        black_hot: whether hot is dark in the infrared images.
    """

    root: Path
    files: dict[str, tuple[str, ...]]
    names: tuple[str, ...]
    black_hot: bool

    @classmethod
    def read(cls, root: Path) -> 'Methods':
        """Lists the methods that have an image of every pair; what is left out is named in a warning.

        Raises:
            FileNotFoundError: if there is no ``vi/`` or ``ir/``.
            ValueError: if files do not match, or no method has an image of every pair.
        """
        pairs = match_stems([root / 'vi', root / 'ir'])
        methods = find_methods(root / 'fused', pairs)
        if not methods:
            raise ValueError(f'{root / "fused"} has no folder METHOD/ with an image of every pair in {root / "vi"}.')
        files = {name: (*pair, *(images[name] for images in methods.values())) for name, pair in pairs.items()}
        black_hot = tell_black_hot([Item(name, paths) for name, paths in pairs.items()], 'auto')
        return cls(root, files, tuple(methods), black_hot)

    def load(self, name: str) -> tuple[Pair, Images]:
        """Reads a pair, as it is for fusing, and the fused images of all methods.

        Raises:
            ValueError: if there is no such pair, or a file cannot be read.
        """
        if name not in self.files:
            raise ValueError(f'There is no pair {name}.')
        visible, infrared, *fused = self.files[name]
        sources = tuple(to_white_hot(Item(name, (visible, infrared)).read(), self.black_hot))
        return sources, {method: Item(name, (path,)).read()[0] for method, path in zip(self.names, fused, strict=True)}


def read_results(files: list[str] | None, size: tuple[int, int], settings: Settings) -> Images:
    """Reads a visitor's fused images, by the names of their files.

    Args:
        files: the uploaded files.
        size: height and width of the pair.
        settings: limits for their sizes.

    Raises:
        ValueError: if there are none or too many, one cannot be used, or is of another size than the pair.
    """
    if not files or len(files) > MOST_METHODS:
        raise ValueError(f'{len(files or [])} fused images: give 1 to {MOST_METHODS}.')
    found: Images = {}
    for path in files:
        image, name = read_upload(path, 'fused image', settings), Path(path).stem
        if image.shape[:2] != size:
            raise ValueError(
                f'{name} is {image.shape[1]}x{image.shape[0]}, and the pair is {size[1]}x{size[0]}: give results of '
                'this pair.'
            )
        if name in found or name in (OURS, MEAN):
            raise ValueError(f'Two images are called {name}: rename one.')
        found[name] = Item(name, (image,)).read()[0]
    return found


def score_pair(sources: Pair, others: Images, fuser: FusionInferencer) -> tuple[Images, dict[str, Row]]:
    """Fuses a pair, and scores it beside other methods with the 13 metrics of VIFB.

    Args:
        sources: visible and infrared image as they are for fusing, H×W×3 BGR: hot is bright.
        others: fused images of other methods, H×W×3 BGR.
        fuser: ours.

    Returns:
        All images by name, RGB, ours first, and the scores by name.

    Raises:
        ValueError: if an image cannot be fused or scored.
    """
    fused = fuser.fuse(sources, black_hot=False).images['fused']
    images = {OURS: fused, MEAN: mean_of(*sources), **others}
    rgb = {name: reverse_channels(image) for name, image in images.items()}
    visible, infrared = map(reverse_channels, sources)
    return rgb, {name: vifb_scores(visible, infrared, image) for name, image in rgb.items()}


def rank(rows: Mapping[str, Row], caption: str = '') -> Table:
    """Makes a table with a column for each method, the best mean place first, and a row for each metric."""
    places = mean_rank(rows)
    means = ['mean place', *(f'{place:.2f}' for place in places.values())]
    return Table(['', *places], [means, *metric_rows({name: rows[name] for name in places}, VIFB_METRICS)], caption)


def score_pairs(
    methods: Methods, names: list[str], fuser: FusionInferencer, done: Callable[[int], None]
) -> tuple[dict[str, Row], str]:
    """Scores all methods over several pairs; ``done`` is told how many are finished.

    Returns:
        The mean scores, and a caption that says how many pairs they are of, and how many of these a mean leaves out.

    Raises:
        ValueError: if a file cannot be read, or an image cannot be fused or scored.
    """
    rows: dict[str, dict[str, Row]] = {}
    for count, name in enumerate(names):
        done(count)
        for method, row in score_pair(*methods.load(name), fuser)[1].items():
            rows.setdefault(method, {})[name] = row
    caption = f'Means over {len(names)} pairs.'
    left = [
        f'{metric} of {as_markdown(method)} in {count}'
        for method, found in rows.items()
        for metric in VIFB_METRICS
        if (count := sum(not math.isfinite(row[metric]) for row in found.values()))
    ]
    caption += f' Left out where they are not finite: {", ".join(left)}.' if left else ''
    return {method: mean_row(found) for method, found in rows.items()}, caption
