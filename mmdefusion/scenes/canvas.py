"""The layers that a scene is painted on: reflectance, emitted light, temperature, and object numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

Colour = tuple[float, float, float]
SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Material:
    """What a surface sends to each sensor.

    Attributes:
        colour: reflectance, BGR in [0, 255].
        heat: temperature in degrees Celsius; None takes that of the background, so the infrared image does not show it.
        glow: emitted light, BGR in [0, 255].
    """

    colour: Colour
    heat: float | None = None
    glow: Colour = (0, 0, 0)


class Canvas:
    """Four layers of one size; later objects are painted over earlier ones.

    Attributes:
        colour: H×W×3 uint8, reflectance, BGR.
        glow: H×W×3 uint8, emitted light, BGR.
        heat: H×W float32, degrees Celsius.
        owner: H×W uint8, number of the labelled object that is in front, 0 for none.
    """

    def __init__(self, width: int, height: int, heat: float) -> None:
        self.width, self.height = width, height
        self.colour = np.zeros((height, width, 3), np.uint8)
        self.glow = np.zeros((height, width, 3), np.uint8)
        self.heat = np.full((height, width), heat, np.float32)
        self.owner = np.zeros((height, width), np.uint8)
        self._glows = self._owned = False  # a layer that is still all zero needs no erasing

    def sky(self, light: np.ndarray, heat: np.ndarray, glowing: bool) -> None:
        """Fills the first rows with ``(rows, W, 3)`` BGR light, its own or the sun's, and ``(rows, W)`` degrees."""
        layer = self.glow if glowing else self.colour
        layer[: len(light)] = np.clip(light, 0, 255)
        self.heat[: len(heat)] = heat
        self._glows = glowing

    def polygons(self, corners: Sequence[np.ndarray] | np.ndarray, material: Material) -> None:
        """Fills M×N×2 polygons of N corners, in pixels, that do not overlap one another."""
        if not len(corners):
            return
        scaled = list(np.rint(np.asarray(corners) * (1 << SUBPIXEL_BITS)).astype(np.int32))
        cv2.fillPoly(self.colour, scaled, material.colour, shift=SUBPIXEL_BITS)
        self._glows = self._glows or any(material.glow)
        if self._glows:
            cv2.fillPoly(self.glow, scaled, material.glow, shift=SUBPIXEL_BITS)
        if self._owned:
            cv2.fillPoly(self.owner, scaled, 0, shift=SUBPIXEL_BITS)
        if material.heat is not None:
            cv2.fillPoly(self.heat, scaled, material.heat, shift=SUBPIXEL_BITS)

    def paste(
        self, parts: np.ndarray, corner: tuple[int, int], looks: Sequence[Material], owner: int = 0, opacity: float = 1
    ) -> int:
        """Paints an object given as a map of its parts.

        Args:
            parts: ``(h, w)`` uint8, 0 outside the object, else 1 + an index of ``looks``.
            corner: column and row of its upper left pixel; it may lie outside the canvas.
            looks: one material per part.
            owner: number of the labelled object, 0 for none.
            opacity: opacity of the object in the visible image, 0 to 1.

        Returns:
            The number of the object's pixels inside the canvas.
        """
        x, y = corner
        parts = parts[max(0, -y) : max(0, self.height - y), max(0, -x) : max(0, self.width - x)]
        if not parts.size:
            return 0
        x, y = max(0, x), max(0, y)
        here = np.s_[y : y + parts.shape[0], x : x + parts.shape[1]]
        inside = cv2.min(parts, 1)
        for layer, values in ((self.colour, [m.colour for m in looks]), (self.glow, [m.glow for m in looks])):
            table = np.array([(0, 0, 0), *values], np.uint8)
            painted = cv2.addWeighted(table[parts], opacity, layer[here], 1 - opacity, 0)
            cv2.copyTo(painted, inside, layer[here])
        heat = np.array([np.nan, *(np.nan if m.heat is None else m.heat for m in looks)], np.float32)[parts]
        np.copyto(self.heat[here], heat, where=heat == heat)
        self.owner[here][inside > 0] = owner
        self._glows = self._owned = True
        return int(cv2.countNonZero(inside))

    def shade(self, polygon: np.ndarray, factor: float) -> None:
        """Darkens what is painted so far under a convex polygon, N×2 pixels."""
        low = np.clip(np.floor(polygon.min(0)), 0, (self.width, self.height)).astype(int)
        high = np.clip(np.ceil(polygon.max(0)) + 1, 0, (self.width, self.height)).astype(int)
        if (high <= low).any():
            return
        region = self.colour[low[1] : high[1], low[0] : high[0]]
        shadow = np.zeros(region.shape[:2], np.uint8)
        scaled = np.rint((polygon - low) * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillConvexPoly(shadow, scaled, 1, shift=SUBPIXEL_BITS)
        cv2.copyTo(cv2.convertScaleAbs(region, alpha=factor), shadow, region)
