"""What the tab *Detect and segment* shows: predictions of a pair, and what a disturbance takes away."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdefusion.apis import open_paired
from mmdefusion.evaluation.functional.boxes import box_overlaps
from mmdefusion.inference.sources import Item
from mmdefusion.models.checkpoints.shipped import shipped
from mmdefusion.utils.compat import installed
from mmdefusion.utils.image_io import reverse_channels
from mmdefusion.utils.paths import CONFIGS
from mmdefusion.visualization import (
    Table,
    class_colours,
    contact_sheet,
    draw_boxes,
    draw_mask,
    hide_background,
    legible_factor,
)

from .settings import Settings
from .uploads import Pair

DETECTOR = 'demo/defusionpp_vit-nano_atss_1xb2-500_scenes-160x128.py'
WEIGHTS = 'scenes_atss'
SENSORS = ('both', 'visible only', 'infrared only')
DRAWN_WIDTH = 480  # pixels that smaller images are enlarged to, by whole factors
SAME_OBJECT = 0.5  # IoU from which on two boxes of one class are the same object


@dataclass(frozen=True)
class Change:
    """A disturbance of a pair.

    Attributes:
        sensor: one of ``SENSORS``; the image of the other one becomes black, as if the camera had failed.
        right, down: shift of the infrared image in pixels; border pixels are repeated.

    Raises:
        ValueError: if there is no such sensor.
    """

    sensor: str = SENSORS[0]
    right: int = 0
    down: int = 0

    def __post_init__(self) -> None:
        if self.sensor not in SENSORS:
            raise ValueError(f'sensor={self.sensor!r} is none of {", ".join(SENSORS)}.')

    def apply(self, pair: Pair) -> Pair:
        """The disturbed pair."""
        visible, infrared = pair
        if self.right or self.down:
            move = np.array([[1, 0, self.right], [0, 1, self.down]], np.float64)
            infrared = cv2.warpAffine(infrared, move, infrared.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        if self.sensor == 'visible only':
            infrared = np.zeros_like(infrared)
        if self.sensor == 'infrared only':
            visible = np.zeros_like(visible)
        return visible, infrared


def chosen_model(settings: Settings) -> tuple[str, str]:
    """Config and checkpoint of the app's model: those of the operator, or the detector of the package.

    Raises:
        FileNotFoundError: if the package lacks its detector.
        ValueError: if mmdet and mmseg are not installed.
    """
    if not (installed('mmdet') or installed('mmseg')):
        raise ValueError('Detectors and segmenters need the toolboxes: see docs/install.md.')
    if settings.model:
        return settings.model
    checkpoint = shipped().get(WEIGHTS)
    configs = [root / DETECTOR for root in CONFIGS if (root / DETECTOR).is_file()]
    if not checkpoint or not configs:
        raise FileNotFoundError('The small detector of the package is not there: name a model with --model.')
    return str(configs[0]), str(checkpoint)


@lru_cache(maxsize=1)
def open_model(config: str, checkpoint: str, device: str | None) -> Any:
    """The inferencer of a model, see :func:`open_paired`."""
    return open_paired(config, checkpoint, device=device, show_progress=False)


def predict(pair: Pair, change: Change, model: Any, score: float) -> tuple[list[np.ndarray], Table]:
    """Predicts for a pair and for its disturbed form.

    Args:
        pair: a visible and an infrared image of one size.
        change: the disturbance.
        model: a :class:`PairedDetInferencer` or :class:`PairedSegInferencer`.
        score: smallest score of boxes, 0 to 1.

    Returns:
        Two drawings on both images (H×W×3 uint8 RGB), and a table of what is kept of each class.

    Raises:
        ValueError: if the pair cannot be read.
    """
    pair = tuple(Item('pair', pair).read(**model.reading))
    disturbed = change.apply(pair)
    found = [model([visible], [infrared])['predictions'][0] for visible, infrared in (pair, disturbed)]
    meta = model.model.dataset_meta
    drawings = [draw(*both, meta, score) for both in zip((pair, disturbed), found, strict=True)]
    if isinstance(found[0], dict):
        return drawings, compare_boxes(*found, meta['classes'], score)
    return drawings, compare_masks(*found, meta['classes'])


def draw(pair: Pair, found: dict | NDArray, meta: dict, score: float) -> np.ndarray:
    """Draws boxes or masks on both images, which are enlarged until boxes and names can be told apart.

    Args:
        pair: both images, H×W×3 BGR.
        found: a detector's prediction, or a segmenter's label map.
        meta: ``classes`` of the data set, and ``palette`` if it has one.
        score: smallest score of boxes.

    Returns:
        Both images side by side, RGB.
    """
    scale = legible_factor(pair[0].shape[:2], DRAWN_WIDTH)
    classes = meta['classes']
    palette = class_colours(meta.get('palette'), len(classes))
    drawn = []
    for image in pair:
        large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
        if isinstance(found, dict):
            sure = np.array(found['scores']) >= score
            boxes = np.array(found['bboxes'], np.float64).reshape(-1, 4)[sure] * scale
            drawn.append(draw_boxes(large, boxes, np.array(found['labels'], int)[sure], palette, 2, classes))
        else:
            mask = cv2.resize(found.astype(np.uint16), large.shape[1::-1], interpolation=cv2.INTER_NEAREST)
            drawn.append(draw_mask(large, mask, hide_background(classes, palette)))
    return reverse_channels(contact_sheet([drawn]))


def compare_boxes(whole: dict, disturbed: dict, classes: tuple[str, ...], score: float) -> Table:
    """Counts the objects of each class that the disturbed pair keeps, loses and adds.

    Args:
        whole, disturbed: ``bboxes``, ``labels`` and ``scores`` of both predictions.
        classes: names of the classes.
        score: smallest score of boxes that count.
    """
    rows = []
    for label, name in enumerate(classes):
        one, other = (_boxes(found, label, score) for found in (whole, disturbed))
        kept = count_matches(one, other)
        rows.append([name, *map(str, (len(one), kept, len(one) - kept, len(other) - kept))])
    return Table(['class', 'found in the pair', 'kept', 'lost', 'new'], rows)


def compare_masks(whole: NDArray, disturbed: NDArray, classes: tuple[str, ...]) -> Table:
    """The share of pixels of each class in both label maps, and of the first that the second keeps, in percent."""
    rows = []
    for label, name in enumerate(classes):
        one, other = whole == label, disturbed == label
        kept = 100 * float((one & other).sum() / one.sum()) if one.any() else None
        rows.append([name, 100 * float(one.mean()), 100 * float(other.mean()), kept])
    return Table(['class', '% of the pixels, pair', '% of the pixels, disturbed', '% of them kept'], rows)


def count_matches(one: NDArray, other: NDArray) -> int:
    """How many boxes of ``one`` (N×4) have a partner of IoU 0.5 or more in ``other`` (M×4), each used once."""
    matches = 0
    for box in one:
        overlaps = box_overlaps(box, other)
        if len(other) and overlaps.max() >= SAME_OBJECT:
            other = np.delete(other, overlaps.argmax(), axis=0)
            matches += 1
    return matches


def _boxes(found: dict, label: int, score: float) -> NDArray:
    chosen = [
        box
        for box, its, sure in zip(found['bboxes'], found['labels'], found['scores'], strict=True)
        if its == label and sure >= score
    ]
    return np.array(chosen, np.float64).reshape(-1, 4)
