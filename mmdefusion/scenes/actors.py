"""Draws what stands or drives in the street, as maps of parts: the labelled objects and the two decoys.

The decoys have the shape of a person but lack the evidence in one sensor: a heated neon figure looks like a person to
the infrared camera, and a cardboard figure looks like a person to the visible camera by day.
"""

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from .camera import Camera
from .canvas import Material
from .street import Street, dim

# parts of a figure, of a cone and of a car: indices of the materials given to Canvas.paste
LEGS, TORSO, ARMS, SKIN, HAIR, SHOES = range(1, 7)
CONE, BAND, FOOT = range(1, 4)
SIDE, FACE, BONNET, ROOF, GLASS, TYRE, GRILLE, LIGHT, TAIL, PLATE, BOOT = range(1, 12)

CLOTHES = ((60, 40, 170), (170, 110, 40), (60, 140, 60), (50, 170, 210), (180, 180, 185), (110, 50, 110), (60, 60, 66))
TROUSERS = ((110, 76, 50), (52, 50, 54), (100, 120, 140), (70, 60, 56))
SKINS = ((150, 180, 225), (110, 145, 200), (70, 100, 150), (48, 66, 100))
NEONS = ((255, 200, 40), (200, 60, 255), (90, 255, 120))
BODIES = ((50, 44, 160), (168, 92, 44), (196, 198, 200), (70, 66, 66), (90, 130, 90), (60, 150, 200), (120, 116, 112))

CONE_HEIGHT = 1.0  # metres
Box = tuple[float, float, float, float]  # x0 y0 x1 y1 in pixels
Sprite = tuple[np.ndarray, tuple[int, int]]  # parts, and the column and row of the upper left pixel


def upright_box(camera: Camera, x: float, z: float, height: float, width: float) -> Box:
    """The box in pixels of an object of ``height`` by ``width`` metres that stands at ``(x, z)``."""
    column, row = camera.project((x, 0, z))
    half = 0.5 * camera.pixels(width, z)
    return column - half, row - camera.pixels(height, z), column + half, row


def figure(camera: Camera, x: float, z: float, metres: float, rng: np.random.Generator) -> Sprite:
    """A person, standing or walking, ``metres`` tall."""
    height = camera.pixels(metres, z)
    rows, half = int(np.ceil(height)) + 2, int(np.ceil(0.3 * height)) + 1
    parts = np.zeros((rows, 2 * half), np.uint8)
    foot = camera.project((x, 0, z))

    def at(u: float, v: float) -> tuple[int, int]:
        """Pixel of a point ``u`` to the right and ``v`` above the feet, in body heights."""
        return round(half + u * height), round(rows - 1 - v * height)

    def limb(points: Sequence[tuple[float, float]], width: float, part: int) -> None:
        line = np.array([at(*point) for point in points], np.int32)
        cv2.polylines(parts, [line], False, part, max(1, round(width * height)))

    stride, swing, facing = rng.uniform(0.02, 0.13), rng.uniform(0.05, 0.15), rng.choice((-1, 1))
    for leg in (-1, 1):
        knee, ankle = 0.55 * leg * stride + 0.02 * facing, leg * stride
        limb([(0.035 * leg, 0.5), (knee, 0.27), (ankle, 0.04)], 0.095, LEGS)
        limb([(ankle - 0.01 * facing, 0.015), (ankle + 0.05 * facing, 0.015)], 0.05, SHOES)
    hands = []
    for arm in (-1, 1):
        hand = (arm * (0.1 + swing), 0.47)
        limb([(arm * 0.105, 0.79), (arm * (0.12 + 0.4 * swing), 0.63), hand], 0.07, ARMS)
        hands.append(hand)
    torso = np.array([at(-0.125, 0.82), at(0.125, 0.82), at(0.095, 0.46), at(-0.095, 0.46)], np.int32)
    cv2.fillConvexPoly(parts, torso, TORSO)
    for hand in hands:
        cv2.circle(parts, at(*hand), max(1, round(0.028 * height)), SKIN, -1)
    limb([(0, 0.8), (0, 0.87)], 0.06, SKIN)
    head = max(1, round(0.058 * height)), max(2, round(0.075 * height))
    cv2.ellipse(parts, at(0.0, 0.925), head, 0, 0, 360, HAIR, -1)
    cv2.ellipse(parts, at(0.02 * facing, 0.91), (max(1, head[0] - 1), max(1, head[1] - 1)), 0, 0, 360, SKIN, -1)
    return parts, (round(foot[0]) - half, round(foot[1]) - rows + 1)


def clothing(rng: np.random.Generator) -> list[Material]:
    """Colours of a dressed person without any heat."""
    top, trousers = CLOTHES[rng.integers(len(CLOTHES))], TROUSERS[rng.integers(len(TROUSERS))]
    skin, hair = SKINS[rng.integers(len(SKINS))], dim((40, 60, 90), rng.uniform(0.4, 1.6))
    return [Material(colour) for colour in (trousers, top, dim(top, 0.8), skin, hair, (40, 40, 44))]


def warm(looks: Sequence[Material], street: Street, rng: np.random.Generator) -> list[Material]:
    """The same parts with the temperatures of a clothed body: skin is warmest, shoes are coolest."""
    skin, cloth = rng.uniform(30, 34), rng.uniform(0.5, 0.7)
    shares = (cloth - 0.08, cloth, cloth - 0.03, 1.0, 0.72, 0.3)
    heats = [street.ambient + 3 + share * (skin - street.ambient - 3) for share in shares]
    return [Material(look.colour, heat, look.glow) for look, heat in zip(looks, itertools.cycle(heats))]


def outlined(parts: np.ndarray) -> np.ndarray:
    """The parts of a figure, where those inside its outline get numbers after SHOES, for `neon`."""
    width = max(1, round(0.02 * len(parts)))
    inside = cv2.erode(cv2.min(parts, 1), np.ones((2 * width + 1, 2 * width + 1), np.uint8))
    return parts + SHOES * inside


def neon(street: Street, rng: np.random.Generator) -> list[Material]:
    """Lit tubes around dim glass, as seen by day and by night, for the parts of `outlined`."""
    colour = NEONS[rng.integers(len(NEONS))]
    shine = 1.0 if street.night else 0.6
    tube = Material(dim(colour, 0.6), None, dim(colour, shine))
    glass = Material(dim(colour, 0.3), None, dim(colour, 0.4 * shine))
    return [tube] * SHOES + [glass] * SHOES


def cone(camera: Camera, x: float, z: float) -> Sprite:
    """A traffic cone."""
    height = camera.pixels(CONE_HEIGHT, z)
    rows, half = int(np.ceil(height)) + 1, int(np.ceil(0.32 * height)) + 1
    parts = np.zeros((rows, 2 * half), np.uint8)
    foot = camera.project((x, 0, z))

    def slice_(low: float, high: float, part: int) -> None:
        """The cone between two heights; its radius goes from 0.24 to 0.04 of its height."""
        a, b = (0.24 - 0.2 * v for v in (low, high))
        points = [(-a, low), (a, low), (b, high), (-b, high)]
        pixels = np.round([(half + u * height, rows - 1 - v * height) for u, v in points])
        cv2.fillConvexPoly(parts, pixels.astype(np.int32), part)

    slice_(0, 1, CONE)
    slice_(0.32, 0.48, BAND)
    slice_(0.64, 0.78, BAND)
    corners = [(half - 0.31 * height, rows - 1 - 0.09 * height), (half + 0.31 * height, rows - 1)]
    (left, top), (right, bottom) = np.round(corners).astype(int).tolist()
    cv2.rectangle(parts, (left, top), (right, bottom), FOOT, -1)
    return parts, (round(foot[0]) - half, round(foot[1]) - rows + 1)


def cone_looks(street: Street) -> list[Material]:
    """The looks of a cone: orange, bright at night by its reflecting foil, never warmer than what is behind it."""
    shine = 0.62 if street.night else 0.12
    colours = ((24, 96, 250), (232, 236, 240), (20, 72, 200))
    return [Material(colour, None, dim(colour, shine)) for colour in colours]


def _box(length: tuple, width: tuple, top: tuple, top_width: float, y: tuple) -> np.ndarray:
    """Eight corners (4 below, 4 above) of a box along z whose top may be shorter and narrower, in metres."""
    (rear, front), half = length, width[0]
    below = [(-half, y[0], rear), (half, y[0], rear), (half, y[0], front), (-half, y[0], front)]
    above = [
        (-top_width, y[1], top[0]),
        (top_width, y[1], top[0]),
        (top_width, y[1], top[1]),
        (-top_width, y[1], top[1]),
    ]
    return np.array(below + above)


SIDES = ('rear', 'right', 'front', 'left', 'top')
SIDE_CORNERS = np.array(
    [(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (4, 5, 6, 7)]
)  # normals to the outside
LOWER = _box((-2.1, 2.1), (0.88,), (-2.05, 2.05), 0.84, (0.28, 0.86))
CABIN = _box((-1.75, 1.05), (0.8,), (-1.2, 0.25), 0.64, (0.86, 1.46))
SILL = _box((-2.0, 2.0), (0.8,), (-2.0, 2.0), 0.8, (0.1, 0.28))


def _inset(corners: np.ndarray, left: float, right: float, low: float, high: float) -> np.ndarray:
    """The part of a four-sided face between shares of its width and height."""
    a, b, c, d = corners

    def at(s: float, t: float) -> np.ndarray:
        return (a + s * (b - a)) * (1 - t) + (d + s * (c - d)) * t

    return np.array([at(left, low), at(right, low), at(right, high), at(left, high)])


def _placed(body: np.ndarray, x: float, z: float, yaw: float) -> np.ndarray:
    """The points of a car in the world, in metres."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    return body @ np.array([(cos, 0, -sin), (0, 1, 0), (sin, 0, cos)]) + (x, 0, z)


def car_box(camera: Camera, x: float, z: float, yaw: float) -> Box:
    """The box of a car in pixels, from the corners of its body."""
    pixels = camera.project(_placed(np.concatenate((SILL, LOWER, CABIN)), x, z, yaw))
    return (*pixels.min(0).tolist(), *pixels.max(0).tolist())


def car(camera: Camera, x: float, z: float, yaw: float) -> tuple[Sprite, list[tuple[float, float]]]:
    """Draws a car in perspective.

    Args:
        camera: the camera.
        x: position of its centre to the right, in metres.
        z: position of its centre along the street, in metres.
        yaw: direction in radians: 0 drives away from the camera, pi towards it.

    Returns:
        Its parts, and the pixels of the headlights that face the camera.
    """
    eye = np.array((0, camera.height, 0))

    def world(points: np.ndarray) -> np.ndarray:
        return _placed(points, x, z, yaw)

    faces: list[tuple[np.ndarray, int]] = []

    def add(corners: np.ndarray, part: int) -> None:
        faces.append((corners, part))

    headlights = []
    for body, parts in (
        (SILL, dict.fromkeys(SIDES, TYRE)),
        (LOWER, dict(rear=FACE, front=FACE, left=SIDE, right=SIDE, top=BONNET)),
        (CABIN, dict(rear=SIDE, front=SIDE, left=SIDE, right=SIDE, top=ROOF)),
    ):
        corners = world(body)[SIDE_CORNERS]
        normals = np.cross(corners[:, 2] - corners[:, 1], corners[:, 1] - corners[:, 0])
        seen = (normals * (eye - corners.mean(1))).sum(1) > 0
        for name, face in zip(itertools.compress(SIDES, seen), corners[seen], strict=True):
            add(face, parts[name])
            if body is CABIN and name != 'top':
                for left, right in ((0.06, 0.94),) if name in ('front', 'rear') else ((0.08, 0.48), (0.54, 0.92)):
                    add(_inset(face, left, right, 0.14, 0.88), GLASS)
            elif body is LOWER and name == 'top':
                boot = np.array([(-0.84, 0.86, -2.05), (0.84, 0.86, -2.05), (0.84, 0.86, -0.5), (-0.84, 0.86, -0.5)])
                add(world(boot), BOOT)
            elif body is LOWER and name in ('front', 'rear'):
                add(_inset(face, 0.3, 0.7, 0.08, 0.3), PLATE)
                for left, right in ((0.05, 0.24), (0.76, 0.95)):
                    light = _inset(face, left, right, 0.5, 0.85)
                    add(light, LIGHT if name == 'front' else TAIL)
                    if name == 'front':
                        headlights.append(tuple(camera.project(light.mean(0)).tolist()))
                if name == 'front':
                    add(_inset(face, 0.28, 0.72, 0.45, 0.8), GRILLE)
            elif body is LOWER:
                s = 1 if name == 'right' else -1
                ring = np.linspace(0, 2 * np.pi, 13)[:-1]
                for hub in (-1.3, 1.35):
                    for radius, part in ((0.34, TYRE), (0.18, PLATE)):
                        wheel = [np.full(12, s * 0.89), 0.34 + radius * np.sin(ring), hub + radius * np.cos(ring)]
                        add(world(np.stack(wheel, -1)), part)
    pixels = camera.project(np.concatenate([corners for corners, _ in faces]))
    low = np.floor(pixels.min(0)).astype(int)
    size = np.ceil(pixels.max(0)).astype(int) - low + 1
    parts = np.zeros((size[1], size[0]), np.uint8)
    scaled = np.rint((pixels - low) * 16).astype(np.int32)
    for polygon, (_, part) in zip(np.split(scaled, np.cumsum([len(c) for c, _ in faces])[:-1]), faces, strict=True):
        cv2.fillPoly(parts, [polygon], part, shift=4)
    return (parts, (int(low[0]), int(low[1]))), headlights


def car_looks(street: Street, rng: np.random.Generator, engine: float) -> list[Material]:
    """The looks of a car: body colour; warm bonnet, grille, tyres and exhaust, cold windows; ``engine`` in [0, 1]."""
    body = BODIES[rng.integers(len(BODIES))]
    air, night = street.ambient, street.night
    lights = (235, 245, 255) if night else (60, 62, 64)
    tails = (40, 30, 235) if night else (0, 0, 20)
    return [
        Material(dim(body, 0.85), air + 5 + 3 * engine),
        Material(dim(body, 0.95), air + 7 + 8 * engine),
        Material(dim(body, 1.2), air + 8 + 14 * engine),
        Material(dim(body, 1.3), air - 4),
        Material((70, 58, 48), air - 2),
        Material((34, 32, 32), air + 6 + 8 * engine),
        Material((44, 42, 42), air + 10 + 18 * engine),
        Material((225, 228, 230), air + 10 + 8 * engine, lights),
        Material((40, 34, 190), air + 8, tails),
        Material((200, 206, 208), air + 6, dim((200, 206, 208), 0.25 if night else 0)),
        Material(dim(body, 1.15), air + 3),
    ]
