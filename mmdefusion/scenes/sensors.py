"""Renders the images of both sensors from the painted layers."""

from dataclasses import dataclass

import cv2
import numpy as np

from .camera import Camera
from .canvas import Canvas
from .street import Street

LAMP_LIGHT = (0.9, 1.5, 1.95)  # BGR, brightest spot below a lamp
NIGHT_LIGHT = (0.24, 0.18, 0.15)
SKY_LIGHT = 0.92


@dataclass(frozen=True)
class Lights:
    """Headlights: their pixels on the canvas, and how many pixels their discs measure."""

    pixels: list[tuple[float, float]]
    radii: list[float]


def _shrink(layer: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(layer, size, interpolation=cv2.INTER_AREA)


def _illumination(size: tuple[int, int], camera: Camera, street: Street, rng: np.random.Generator) -> np.ndarray:
    """Light that falls on each pixel, H×W×3 or ``(1, 1, 3)``: daylight, or the pools below the lamps."""
    if not street.night:
        return np.full((1, 1, 3), SKY_LIGHT * rng.uniform(0.85, 1.1), np.float32)
    width, height = size
    light = np.zeros((height, width), np.float32)
    first = max(0, int(camera.horizon) + 1)
    rows = np.arange(first, height, dtype=np.float32)
    z = camera.focal * camera.height / (rows + 0.5 - camera.horizon)
    x = (np.arange(width, dtype=np.float32)[None] - camera.centre_x) * (z / camera.focal)[:, None]
    grid_x, grid_y = np.arange(width, dtype=np.float32), np.arange(first, dtype=np.float32)[:, None]
    for lamp in street.lamps[:4]:
        light[first:] += 1 / (1 + ((x - lamp[0]) ** 2 + (z[:, None] - lamp[2]) ** 2) / 9) ** 2
        spot, reach = camera.project(lamp), 2.6 * camera.focal / lamp[2]
        light[:first] += 0.35 * np.exp(-((grid_x - spot[0]) ** 2 + (grid_y - spot[1]) ** 2) / reach**2)
    return light[..., None] * np.float32(LAMP_LIGHT) + np.float32(NIGHT_LIGHT)


def _bloom(glow: np.ndarray, strength: float) -> np.ndarray:
    """The halo of a lens around glowing objects."""
    height, width = glow.shape[:2]
    small = cv2.resize(glow, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    halo = cv2.GaussianBlur(small, (0, 0), max(0.6, height / 100))
    return strength * cv2.resize(halo, (width, height), interpolation=cv2.INTER_LINEAR)


def _texture(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Texture of the surfaces at two scales, with mean 0 and deviation of about 1."""
    height, width = shape
    coarse = rng.standard_normal((max(2, height // 6), max(2, width // 6)), dtype=np.float32)
    fine = rng.standard_normal((height, width), dtype=np.float32)
    return 0.6 * fine + 0.8 * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def visible(
    canvas: Canvas, camera: Camera, street: Street, size: tuple[int, int], lights: Lights, rng: np.random.Generator
) -> np.ndarray:
    """The visible image, H×W×3 uint8 BGR; ``camera`` is the one of the output size."""
    for pixel, radius in zip(lights.pixels, lights.radii, strict=True):
        spot = tuple(int(v) for v in np.round(pixel))
        cv2.circle(canvas.glow, spot, max(1, round(radius)), (255, 255, 255), -1)
    colour = _shrink(canvas.colour, size).astype(np.float32) * np.float32(1 / 255)
    glow = _shrink(canvas.glow, size).astype(np.float32) * np.float32(1 / 255)
    grain = _texture(colour.shape[:2], rng)[..., None]
    image = colour * (1 + np.float32(0.055) * grain) * _illumination(size, camera, street, rng) + glow
    if street.night:
        image += _bloom(glow, 0.8)
    noise = 0.017 if street.night else 0.01
    image += np.float32(noise) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(image * 255, 0, 255).astype(np.uint8)


def infrared(canvas: Canvas, street: Street, size: tuple[int, int], bits: int, rng: np.random.Generator) -> np.ndarray:
    """The infrared image, H×W uint8 or uint16 over its full range: 30 to 36 degrees from black to white."""
    heat = _shrink(canvas.heat, size)
    heat += np.float32(0.45) * _texture(heat.shape, rng)
    heat = cv2.GaussianBlur(heat, (0, 0), max(0.55, 0.55 * size[1] / 128))
    heat += 0.35 * rng.standard_normal(heat.shape, dtype=np.float32)
    heat += 0.25 * rng.standard_normal((1, heat.shape[1]), dtype=np.float32)  # columns of an uncooled sensor differ
    low, span = street.ambient - rng.uniform(6, 9), rng.uniform(30, 36)
    top = (1 << bits) - 1
    scaled = np.clip((heat - np.float32(low)) / np.float32(span), 0, 1) * top
    return scaled.astype(np.uint8 if bits == 8 else np.uint16)
