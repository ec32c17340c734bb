"""The scene without its actors: sky, houses, road, trees and lamp posts."""

from dataclasses import dataclass

import cv2
import numpy as np

from .camera import Camera
from .canvas import Canvas, Colour, Material

FACADES = ((92, 112, 170), (148, 178, 200), (132, 136, 140), (162, 144, 122), (112, 156, 190), (86, 98, 116))  # BGR
DAY_SKIES = (((214, 158, 96), (240, 224, 206)), ((198, 182, 168), (230, 224, 218)), ((196, 150, 112), (200, 214, 240)))
NIGHT_SKY = ((44, 22, 12), (86, 58, 50))
WINDOW_LIGHTS = ((60, 150, 230), (100, 195, 250), (160, 200, 215))
LAMP_GLOW = (150, 215, 255)
HOUSES_END = 90.0  # metres
DETAIL_END = 45.0  # metres; ledges are thinner than a pixel beyond


@dataclass(frozen=True)
class Street:
    """The measures of a street that actors need.

    Attributes:
        night: whether it is night.
        ambient: air temperature in degrees Celsius.
        road: half the width of the road in metres.
        wall: distance from the middle of the road to the houses in metres.
        lamps: N×3 positions of the lamps in metres.
    """

    night: bool
    ambient: float
    road: float
    wall: float
    lamps: np.ndarray


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Mixes two colours, with ``share`` of the second."""
    return tuple(float(a + share * (b - a)) for a, b in zip(first, second, strict=True))


def dim(colour: Colour, factor: float) -> Colour:
    """A colour ``factor`` times as bright."""
    return tuple(float(min(255, channel * factor)) for channel in colour)


def plan_street(rng: np.random.Generator, night: bool) -> Street:
    """Samples the measures of a street; lamps stand on one side, every 12 to 18 metres."""
    road = rng.uniform(3.6, 5.2)
    wall = road + rng.uniform(2.8, 4.5)
    z = np.arange(rng.uniform(9, 16), 60, rng.uniform(12, 18))
    side = rng.choice((-1, 1))
    lamps = np.stack([np.full_like(z, side * (road - 0.4)), np.full_like(z, 5.4), z], -1)
    return Street(night, rng.uniform(0, 10) if night else rng.uniform(10, 18), road, wall, lamps)


def draw_sky(canvas: Canvas, camera: Camera, street: Street, rng: np.random.Generator) -> None:
    """Fills everything above the horizon; a clear sky is far colder than the air."""
    rows = min(canvas.height, int(np.ceil(camera.horizon)))
    down = np.linspace(0, 1, rows, dtype=np.float32)[:, None, None]
    top, bottom = NIGHT_SKY if street.night else DAY_SKIES[rng.integers(len(DAY_SKIES))]
    sky = np.float32(top) + down**1.5 * (np.float32(bottom) - np.float32(top))
    coarse = rng.standard_normal((3, 6)).astype(np.float32)
    clouds = cv2.resize(coarse, (canvas.width, rows), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(
        rng.standard_normal((8, 18)).astype(np.float32), (canvas.width, rows), interpolation=cv2.INTER_CUBIC
    )
    clouds = np.clip(0.7 * clouds + 0.4 * fine, 0, 1.2)[..., None]
    sky = sky + clouds * (np.float32((26, 22, 22)) if street.night else 0.5 * (np.float32((246, 244, 242)) - sky))
    if street.night:
        stars = rng.integers(8, 30)
        sky[rng.integers(0, rows, stars), rng.integers(0, canvas.width, stars)] = rng.integers(110, 230, (stars, 1))
    canvas.sky(sky, street.ambient - 26 + 16 * down[..., 0] ** 2 + 5 * clouds[..., 0], glowing=street.night)


def _quad(first: tuple, second: tuple) -> np.ndarray:
    """The upright rectangle over the ground line from ``(x, z)`` to ``(x, z)``, as (x0, z0, x1, z1, y0, y1) parts."""
    (x0, z0, bottom), (x1, z1, top) = first, second
    return np.array([(x0, bottom, z0), (x1, bottom, z1), (x1, top, z1), (x0, top, z0)])


def _windows(start: np.ndarray, along: np.ndarray, length: float, height: float) -> np.ndarray:
    """N×4×3 corners of a facade's windows above the ground floor, in metres."""
    columns, floors = int((length - 0.8) // 2.2), int((height - 3.6) // 2.9)
    offset = 0.5 * (length - 2.2 * columns + 0.9)
    s = offset + 2.2 * np.arange(columns)
    y = 3.5 + 2.9 * np.arange(floors)
    windows = np.empty((columns, floors, 4, 3))
    windows[:] = start + (s[:, None] + (0, 1.3, 1.3, 0))[:, None, :, None] * along
    windows[..., 1] = y[:, None] + (0, 0, 1.7, 1.7)
    return windows.reshape(-1, 4, 3)


def _facade(
    canvas: Canvas,
    camera: Camera,
    street: Street,
    rng: np.random.Generator,
    ends: tuple,
    height: float,
    paint: Material,
) -> None:
    """One wall with its windows, between two points ``(x, z)`` of the ground, in metres."""
    (x0, z0), (x1, z1) = ends
    canvas.polygons([camera.project(_quad((x0, z0, 0), (x1, z1, height)))], paint)
    if min(z0, z1) < DETAIL_END:
        bands = [_quad((x0, z0, low), (x1, z1, high)) for low, high in ((0, 2.9), (2.9, 3.15), (height - 0.5, height))]
        base, *ledges = camera.project(bands)
        canvas.polygons([base], Material(dim(paint.colour, 0.72), paint.heat))
        canvas.polygons(ledges, Material(dim(paint.colour, 1.22), paint.heat))
    start, stop = np.array((x0, 0, z0)), np.array((x1, 0, z1))
    length = float(np.linalg.norm(stop - start))
    windows = _windows(start, (stop - start) / length, length, height)
    if not len(windows):
        return
    corners = camera.project(windows)
    lit = rng.random(len(corners)) < (0.33 if street.night else 0)
    glass = Material(mix((84, 66, 52), paint.colour, 0.15), street.ambient - 5)
    canvas.polygons(corners[~lit], glass)
    light = WINDOW_LIGHTS[rng.integers(len(WINDOW_LIGHTS))]
    canvas.polygons(corners[lit], Material((90, 90, 90), street.ambient + 6, dim(light, rng.uniform(0.6, 1))))


def draw_houses(canvas: Canvas, camera: Camera, street: Street, rng: np.random.Generator) -> None:
    """Draws a skyline at the end of the street, then the houses of both sides from far to near."""
    haze = (60, 42, 36) if street.night else (222, 208, 194)
    reach = HOUSES_END * canvas.width / camera.focal
    for _ in range(5):
        x, width, height = rng.uniform(-0.7, 0.6) * reach, rng.uniform(8, 22), rng.uniform(8, 26)
        colour = mix(FACADES[rng.integers(len(FACADES))], haze, 0.55)
        paint = Material(colour, street.ambient + rng.uniform(-2, 2))
        _facade(canvas, camera, street, rng, ((x, HOUSES_END), (x + width, HOUSES_END)), height, paint)
    for side in (-1, 1):
        houses, z, before, warmth = [], 3.0, np.inf, rng.uniform(0, 3)
        while z < 70:
            length, height = rng.uniform(8, 17), rng.uniform(6.5, 16)
            houses.append((z, z + length, height, height > before, rng.integers(len(FACADES))))
            alley = rng.uniform(2, 5) if rng.random() < 0.25 else 0
            z, before = z + length + alley, 0 if alley else height
        for near, far, height, gable_seen, kind in reversed(houses):
            colour = mix(dim(FACADES[kind], rng.uniform(0.85, 1.1)), haze, min(0.5, near / 140))
            heat = street.ambient + rng.uniform(-1, 3) + warmth
            x = side * street.wall
            if gable_seen:
                gable = Material(dim(colour, 0.8), heat)
                _facade(canvas, camera, street, rng, ((x, near), (x + side * 9, near)), height, gable)
            _facade(canvas, camera, street, rng, ((x, near), (x, far)), height, Material(colour, heat))


def _flat(x0: float, x1: float, z0: float, z1: float) -> np.ndarray:
    """Corners of a rectangle on the ground, in metres."""
    return np.array([(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)])


def draw_ground(canvas: Canvas, camera: Camera, street: Street, rng: np.random.Generator) -> None:
    """Draws everything below the horizon: earth, pavements with slabs, kerbs, the road and its markings."""
    far, near = 400.0, 1.0
    day = 0 if street.night else 1.0
    road, wall = street.road, street.wall
    earth = Material((92, 104, 108), street.ambient + 1 + day)
    tone = rng.uniform(0.85, 1.1)
    pavement = Material(dim((136, 142, 148), tone), street.ambient + 2 + 2 * day)
    asphalt = Material(dim((92, 88, 86), rng.uniform(0.8, 1.1)), street.ambient + 4 + 2 * day)
    canvas.polygons([camera.project(_flat(-4000, 4000, near, 4000))], earth)
    canvas.polygons([camera.project(_flat(-wall, wall, near, far))], pavement)
    joints = [_flat(s * road, s * wall, z, z + 0.07) for s in (-1, 1) for z in np.arange(4, 26, 1.6)]
    canvas.polygons(camera.project(joints), Material(dim(pavement.colour, 0.82), pavement.heat))
    canvas.polygons([camera.project(_flat(-road, road, near, far))], asphalt)
    kerbs = [_flat(s * road - 0.12, s * road + 0.12, near, far) for s in (-1, 1)]
    canvas.polygons(camera.project(kerbs), Material(dim(pavement.colour, 1.25), pavement.heat - 0.5))
    paint = Material((214, 218, 220), asphalt.heat - 1.0)
    phase = rng.uniform(0, 6)
    dashes = [_flat(-0.09, 0.09, z, z + 2.6) for z in np.arange(2 + phase, 70, 6)]
    canvas.polygons(camera.project(dashes), paint)
    if rng.random() < 0.35:  # zebra crossing
        z = rng.uniform(9, 15)
        stripes = [_flat(x, x + 0.5, z, z + 3) for x in np.arange(-road + 0.3, road - 0.5, 1.0)]
        canvas.polygons(camera.project(stripes), paint)


def draw_tree(canvas: Canvas, camera: Camera, street: Street, x: float, z: float, rng: np.random.Generator) -> None:
    """Draws a tree of about 6 metres; leaves are as warm as the air."""
    trunk = _quad((x - 0.14, z, 0), (x + 0.14, z, 3))
    canvas.polygons([camera.project(trunk)], Material((44, 58, 72), street.ambient + 1))
    scale = camera.pixels(1, z)
    base = np.array((rng.uniform(40, 60), rng.uniform(95, 125), rng.uniform(60, 95)))
    for shade in (0.65, 0.85, 1.05):
        colour = dim(base, shade)
        for _ in range(9):
            offset = rng.normal(0, 0.75, 2)
            centre = camera.project((x + offset[0] * 1.1 - (shade - 0.85), 4.1 + offset[1] + (shade - 0.85) * 2, z))
            radius = max(1, round(scale * rng.uniform(0.35, 0.7)))
            spot = tuple(int(v) for v in np.round(centre))
            cv2.circle(canvas.colour, spot, radius, colour, -1)
            cv2.circle(canvas.glow, spot, radius, (0, 0, 0), -1)
            cv2.circle(canvas.heat, spot, radius, float(street.ambient + rng.uniform(-1.5, 0.5)), -1)
            cv2.circle(canvas.owner, spot, radius, 0, -1)


def draw_lamp(canvas: Canvas, camera: Camera, street: Street, lamp: np.ndarray) -> None:
    """Draws a lamp post whose arm reaches over the road; its head is lit and warm at night."""
    x, y, z = lamp
    outer = x + np.sign(x) * 1.0
    steel = Material((70, 72, 70), street.ambient - 1)
    canvas.polygons([camera.project(_quad((outer - 0.06, z, 0), (outer + 0.06, z, y + 0.15)))], steel)
    canvas.polygons([camera.project(_quad((x, z, y + 0.05), (outer, z, y + 0.17)))], steel)
    glow = LAMP_GLOW if street.night else (0, 0, 0)
    head = Material((170, 175, 178), street.ambient + (14 if street.night else 0), glow)
    canvas.polygons([camera.project(_quad((x - 0.4, z, y - 0.12), (x + 0.4, z, y + 0.1)))], head)
