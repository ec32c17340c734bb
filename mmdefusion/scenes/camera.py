"""A pinhole camera that looks down a street."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; world axes are in metres: x to the right, y up from the road, z along the street.

    Attributes:
        focal: focal length in pixels.
        height: height of the camera above the road in metres.
        centre_x: column of the vanishing point.
        horizon: row of the vanishing point.
    """

    focal: float
    height: float
    centre_x: float
    horizon: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """…×3 metres to …×2 pixels (column, row)."""
        points = np.asarray(points, dtype=float)
        pixels = np.empty((*points.shape[:-1], 2))
        scale = self.focal / points[..., 2]
        pixels[..., 0] = self.centre_x + points[..., 0] * scale
        pixels[..., 1] = self.horizon + (self.height - points[..., 1]) * scale
        return pixels

    def pixels(self, metres: float, z: float) -> float:
        """The length in pixels of ``metres`` parallel to the image plane at distance ``z``."""
        return metres * self.focal / z

    def nearest(self, image_height: int) -> float:
        """The distance at which the road enters the image at its lower edge."""
        return self.focal * self.height / (image_height - self.horizon)

    def scaled(self, factor: float) -> 'Camera':
        """The same camera for an image ``factor`` times as large."""
        return Camera(self.focal * factor, self.height, self.centre_x * factor, self.horizon * factor)
