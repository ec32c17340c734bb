"""Draws masks and boxes on images, and contact sheets of labelled images (NumPy and OpenCV only)."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mmdefusion.utils.names import shown

FONT = cv2.FONT_HERSHEY_SIMPLEX
INK, PAPER, GAP = (40, 40, 40), 255, 4  # colours of a sheet, and pixels between its images
MOST_BRIGHTENED = 8.0  # times
MOST_ENLARGED = 2**21  # pixels of an image that was enlarged
FAR = 2**20  # pixels; what lies farther away is drawn there, as OpenCV's places are small whole numbers


def as_colour(image: np.ndarray) -> np.ndarray:
    """Converts H×W or H×W×3 of 8 or 16 bits to H×W×3 uint8."""
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image


def legible_factor(size: Sequence[int], width: int) -> int:
    """The whole factor by which a small image is enlarged for letters to be read on it.

    Args:
        size: height and width.
        width: width that is wanted; very high images, which would take too much memory, get less.
    """
    most = math.isqrt(MOST_ENLARGED // (size[0] * size[1]))
    return max(1, min(-(-width // size[1]), most))


def class_colours(palette: Sequence[Sequence[int]] | str | None, count: int) -> tuple[tuple[int, int, int], ...]:
    """A colour for each class, RGB; where the data set has none, one of 255 that are no shades of one.

    Args:
        palette: that of a data set's metainfo: colours, None, or a name that only a toolbox knows.
        count: number of classes.
    """
    given = [] if palette is None or isinstance(palette, str) else list(palette)
    places = (number % 255 + 1 for number in range(count - len(given)))
    given += [(73 * place % 256, 151 * place % 256, 211 * place % 256) for place in places]
    return tuple(tuple(int(value) for value in colour) for colour in given)


def hide_background(classes: Sequence[str], palette: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    """Sets the class 'background' to black, which :func:`draw_mask` leaves out."""
    return [(0, 0, 0) if name == 'background' else colour for name, colour in zip(classes, palette, strict=False)]


def draw_mask(
    image: np.ndarray, mask: np.ndarray, palette: Sequence[Sequence[int]], opacity: float = 0.6
) -> np.ndarray:
    """Draws a class mask on a copy of an image.

    Args:
        image: H×W or H×W×3, BGR.
        mask: class indices, H×W; indices outside the palette (ignored ones) are left out.
        palette: RGB colour of each class, as in the metainfo of a data set; a black class (background) is left out.
        opacity: opacity of the colours, 0 to 1.

    Returns:
        H×W×3 uint8, BGR.

    Raises:
        ValueError: if image and mask differ in size.
    """
    if image.shape[:2] != mask.shape:
        raise ValueError(
            f"image of {image.shape[:2]} and mask of {mask.shape} differ: give a mask of the image's size."
        )
    drawn = as_colour(image).copy()
    colours = np.array(palette, np.float32)[:, ::-1]
    inside = np.isin(mask, np.flatnonzero(colours.any(1)))
    colours = colours[mask[inside]]
    drawn[inside] = (drawn[inside] * (1 - opacity) + colours * opacity).astype(np.uint8)
    return drawn


def draw_boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    labels: np.ndarray,
    palette: Sequence[Sequence[int]],
    thickness: int = 1,
    names: Sequence[str] = (),
) -> np.ndarray:
    """Draws boxes on a copy of an image.

    Args:
        image: H×W or H×W×3, BGR.
        boxes: x0 y0 x1 y1 in pixels, N×4.
        labels: indices of the palette, N.
        palette: RGB colour of each class.
        thickness: thickness of the lines in pixels.
        names: name of each class, written above its boxes; none are written without.

    Returns:
        H×W×3 uint8, BGR.
    """
    drawn = as_colour(image).copy()
    boxes = np.rint(boxes).clip(-FAR, FAR).astype(int)
    for (x0, y0, x1, y1), label in zip(boxes.tolist(), np.asarray(labels).tolist(), strict=True):
        colour = tuple(int(c) for c in reversed(palette[label]))
        cv2.rectangle(drawn, (x0, y0), (max(x0, x1 - 1), max(y0, y1 - 1)), colour, thickness)
        if names:
            cv2.putText(drawn, shown(names[label]), (x0, max(10, y0 - 3)), FONT, 0.45, colour, 1, cv2.LINE_AA)
    return drawn


def brighten(caption: str, image: np.ndarray) -> tuple[str, np.ndarray]:
    """An image that would be too dark to be seen, such as a decoded part, and its caption, which says how much.

    Args:
        caption: what the image shows.
        image: H×W or H×W×3 uint8.

    Returns:
        Both; the same as given unless 199 of 200 values are below two thirds of the range.
    """
    some = image[::4, ::4] if min(image.shape[:2]) > 256 else image  # which is enough for a factor
    factor = min(MOST_BRIGHTENED, 255 / max(1.0, float(np.percentile(some, 99.5))))
    if factor < 1.5:
        return caption, image
    return f'{caption}, {factor:.1f} times as bright', (image * factor).clip(0, 255).astype(np.uint8)


def contact_sheet(
    rows: Sequence[Sequence[np.ndarray]],
    columns: Sequence[str] = (),
    row_names: Sequence[str] = (),
    width: int | None = None,
) -> np.ndarray:
    """Draws rows of images on white, with names over the columns and beside the rows.

    Args:
        rows: images; all are fitted into cells with the proportions of the first.
        columns: names over the columns, or none.
        row_names: names beside the rows, written upwards, or none.
        width: width of each cell in pixels; None takes that of the first image.

    Returns:
        H×W×3 uint8, BGR.
    """
    height, own_width = rows[0][0].shape[:2]
    width = width or own_width
    height = round(height * width / own_width)
    scale = max(0.35, width / 480)
    line = round(40 * scale) if columns or row_names else 0
    left, top = (line if row_names else 0), (line if columns else 0)
    total = top + len(rows) * (height + GAP) - GAP, left + max(map(len, rows)) * (width + GAP) - GAP
    sheet = np.full((*total, 3), PAPER, np.uint8)
    for i, name in enumerate(columns):
        _write(sheet[:top, left + i * (width + GAP) :][:, :width], name, scale)
    for j, row in enumerate(rows):
        y = top + j * (height + GAP)
        if row_names:
            label = np.full((left, height, 3), PAPER, np.uint8)
            _write(label, row_names[j], scale)
            sheet[y : y + height, :left] = cv2.rotate(label, cv2.ROTATE_90_COUNTERCLOCKWISE)
        for i, image in enumerate(row):
            x = left + i * (width + GAP)
            _place(sheet[y : y + height, x : x + width], as_colour(image))
    return sheet


def _place(space: np.ndarray, image: np.ndarray) -> None:
    """Draws an image in the middle of a part of the sheet, as large as possible."""
    scale = min(space.shape[0] / image.shape[0], space.shape[1] / image.shape[1])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    y, x = (space.shape[0] - height) // 2, (space.shape[1] - width) // 2
    method = cv2.INTER_CUBIC if scale >= 1 else cv2.INTER_AREA
    space[y : y + height, x : x + width] = cv2.resize(image, (width, height), interpolation=method)


def _write(space: np.ndarray, text: str, scale: float) -> None:
    """Writes text in the middle of a part of the sheet; OpenCV ends the process over a text that is no UTF-8."""
    text = shown(text)
    thickness = max(1, round(1.5 * scale))
    (width, height), _ = cv2.getTextSize(text, FONT, scale, thickness)
    scale *= min(1.0, 0.96 * space.shape[1] / max(1, width))
    (width, height), _ = cv2.getTextSize(text, FONT, scale, thickness)
    corner = (space.shape[1] - width) // 2, (space.shape[0] + height) // 2
    canvas = np.ascontiguousarray(space)
    cv2.putText(canvas, text, corner, FONT, scale, INK, thickness, cv2.LINE_AA)
    space[:] = canvas


def draw_heat(image: np.ndarray, heat: np.ndarray, opacity: float = 0.55) -> np.ndarray:
    """Draws a heat map over a copy of an image.

    Args:
        image: H×W×3 uint8, BGR.
        heat: h×w of any range; the minimum is drawn blue, the maximum red.
        opacity: opacity of the heat map, 0 to 1.

    Returns:
        H×W×3 uint8, BGR.
    """
    height, width = image.shape[:2]
    heat = (heat - heat.min()) / max(float(heat.max() - heat.min()), 1e-12)
    heat = cv2.resize(heat.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    coloured = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_JET)
    return cv2.addWeighted(coloured, opacity, image, 1 - opacity, 0)
