"""Night and day visible-infrared scenes in which neither sensor sees everything.

What each class looks like to each sensor, and which decoy makes guessing from one sensor fail:

======  ==============================  =============================  ==========================================
class   visible                         infrared                       decoy
======  ==============================  =============================  ==========================================
person  by night unlit, by day at       warm                           neon figure: the same warm shape in
        times dressed like the                                         infrared, glowing tubes in visible light;
        background                                                     cardboard figure: the same picture by day,
                                                                       cold, so not there in infrared
car     seen by day; by night its       warm bonnet, grille and        none
        lamps, and glare around them    tyres
cone    orange, reflecting by night     not there: as warm as what     none
                                        is behind it
======  ==============================  =============================  ==========================================

So a model of the visible image misses people and takes cardboard for people, a model of the infrared image misses
every cone and takes neon figures for people, and only a model of the pair has the evidence for all three classes.
The two decoys carry no label.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import actors
from .camera import Camera
from .canvas import Canvas, Material
from .sensors import Lights, infrared, visible
from .street import Street, draw_ground, draw_houses, draw_lamp, draw_sky, draw_tree, plan_street

CLASSES = ('person', 'car', 'cone')
PALETTE = ((0, 0, 0), (230, 60, 80), (60, 130, 240), (250, 170, 30))  # RGB of background and the classes
PERSON, CAR, CONE = 1, 2, 3

OVERSAMPLING = 2
NIGHT_OPACITY = 0.05  # how much of an unlit person visible light shows
CAMOUFLAGE_OPACITY = 0.12
CAMOUFLAGE_SHARE = 0.4
CROWDING = 0.3  # share of an object that another one's box may cover


@dataclass(frozen=True)
class Scene:
    """One labelled pair.

    Attributes:
        visible: H×W×3 uint8, BGR.
        infrared: H×W uint8, or uint16 over its full range.
        mask: H×W uint8: 0 background, else 1 + index of `CLASSES`.
        boxes: N×4 float32, x0 y0 x1 y1 in pixels, tight around the visible part of each object.
        labels: n int64: 1 + index of `CLASSES`.
        instances: H×W uint8: 0 background, else 1 + index of the object in ``boxes``.
        night: whether it is night.
    """

    visible: np.ndarray
    infrared: np.ndarray
    mask: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    instances: np.ndarray
    night: bool


@dataclass
class _Actor:
    """An object at distance ``z`` with a box on the canvas; ``label`` is 0 for decoys and props."""

    z: float
    box: tuple[float, float, float, float]
    label: int
    paint: Callable[[int], int]


class SceneGenerator:
    """Generates scenes, each of which depends only on the settings and its index.

    Args:
        size: width and height in pixels, at least 64 × 64.
        seed: seed of the set of scenes.
        night_share: share of night scenes.
        bits: bits of the infrared image, 8 or 16.

    Raises:
        ValueError: if a size is below 64, ``night_share`` is not in [0, 1] or ``bits`` is neither 8 nor 16.
    """

    def __init__(
        self, size: tuple[int, int] = (160, 128), seed: int = 0, night_share: float = 0.5, bits: int = 8
    ) -> None:
        if min(size) < 64:
            raise ValueError(f'size={size[0]}x{size[1]}: both sides of a scene must be 64 pixels or more.')
        if not 0 <= night_share <= 1:
            raise ValueError(f'night_share={night_share}: give a share from 0 to 1.')
        if bits not in (8, 16):
            raise ValueError(f'bits={bits}: infrared images have 8 or 16 bits.')
        self.size, self.seed, self.night_share, self.bits = tuple(size), seed, night_share, bits

    def __call__(self, index: int) -> Scene:
        """Generates scene ``index``, counted from 0."""
        rng = np.random.default_rng((self.seed, index))
        night = bool(rng.random() < self.night_share)
        width, height = self.size
        view = Camera(
            focal=height * rng.uniform(1.1, 1.4),
            height=rng.uniform(1.9, 2.3),
            centre_x=width * rng.uniform(0.35, 0.65),
            horizon=height * rng.uniform(0.36, 0.45),
        )
        camera = view.scaled(OVERSAMPLING)
        street = plan_street(rng, night)
        canvas = Canvas(width * OVERSAMPLING, height * OVERSAMPLING, street.ambient)
        draw_sky(canvas, camera, street, rng)
        draw_houses(canvas, camera, street, rng)
        draw_ground(canvas, camera, street, rng)
        cast = _Cast(canvas, camera, street, rng)
        labels, areas = cast.paint()
        mask, boxes, kept, instances = self._label(canvas.owner[::OVERSAMPLING, ::OVERSAMPLING], labels, areas)
        return Scene(
            visible(canvas, view, street, self.size, Lights(cast.headlights, cast.radii), rng),
            infrared(canvas, street, self.size, self.bits, rng),
            mask,
            boxes,
            kept,
            instances,
            night,
        )

    def _label(
        self, owner: np.ndarray, labels: list[int], areas: list[int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Makes the class mask, boxes, labels and instances of objects that are large enough and not mostly hidden."""
        least = 14 * (self.size[1] / 128) ** 2
        classes, objects = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
        boxes, kept = [], []
        for number, (label, area) in enumerate(zip(labels, areas, strict=True), 1):
            rows, columns = np.nonzero(owner == number)
            if len(rows) < max(least, 0.2 * area / OVERSAMPLING**2):
                continue
            classes[number], objects[number] = label, len(kept) + 1
            boxes.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
            kept.append(label)
        boxes = np.array(boxes, np.float32).reshape(-1, 4)
        return classes[owner], boxes, np.array(kept, np.int64), objects[owner]


class _Cast:
    """Places the actors of a scene, then paints them from far to near."""

    def __init__(self, canvas: Canvas, camera: Camera, street: Street, rng: np.random.Generator) -> None:
        self.canvas, self.camera, self.street, self.rng = canvas, camera, street, rng
        self.actors: list[_Actor] = []
        self.headlights: list[tuple[float, float]] = []
        self.radii: list[float] = []
        self.nearest = camera.nearest(canvas.height)
        self._place()

    def paint(self) -> tuple[list[int], list[int]]:
        """Paints everything; returns label and painted area of each labelled object, in the order of owners."""
        labels, areas = [], []
        for actor in sorted(self.actors, key=lambda actor: -actor.z):
            area = actor.paint(len(labels) + 1 if actor.label else 0)
            if actor.label:
                labels.append(actor.label)
                areas.append(area)
        return labels, areas

    def _place(self) -> None:
        rng, street = self.rng, self.street
        for _ in range(rng.integers(1, 4)):
            self._try(self._car)
        if rng.random() < 0.85:
            self._road_works()
        for _ in range(rng.integers(1, 5)):
            self._try(self._person)
        for _ in range(rng.integers(0, 3)):
            self._try(self._neon)
        for _ in range(0 if street.night else rng.integers(0, 2)):
            self._try(self._cardboard)
        for _ in range(rng.integers(0, 4)):
            x, z = rng.choice((-1, 1)) * (street.wall - 0.6), rng.uniform(12, 45)
            self._prop(z, lambda x=x, z=z: draw_tree(self.canvas, self.camera, street, x, z, rng))
        for lamp in street.lamps:
            self._prop(lamp[2], lambda lamp=lamp: draw_lamp(self.canvas, self.camera, street, lamp))

    def _prop(self, z: float, draw: Callable[[], None]) -> None:
        def paint(owner: int) -> int:
            draw()
            return 0

        self.actors.append(_Actor(z, (0, 0, 0, 0), 0, paint))

    def _try(self, make: Callable[[], _Actor]) -> None:
        """Adds an actor at a place where it neither hides another one nor leaves the image.

        Gives up after a few tries.
        """
        for _ in range(6):
            actor = make()
            x0, y0, x1, y1 = actor.box
            area = (x1 - x0) * (y1 - y0)
            inside = max(0, min(x1, self.canvas.width) - max(x0, 0)) * max(0, min(y1, self.canvas.height) - max(y0, 0))
            if inside >= 0.6 * area and all(_overlap(actor.box, other.box) <= CROWDING for other in self.actors):
                self.actors.append(actor)
                return

    def _spot(self, share_on_road: float, far: float) -> tuple[float, float]:
        """A place in view, on the road or on a pavement; near places are as likely as far ones on the image."""
        rng, street = self.rng, self.street
        z = 1 / rng.uniform(1 / far, 1 / (1.25 * self.nearest))
        if rng.random() < share_on_road:
            return rng.uniform(-street.road, street.road), z
        return rng.choice((-1, 1)) * rng.uniform(street.road + 0.4, street.wall - 0.4), z

    def _figure(self, label: int, share_on_road: float, looks: list[Material], opacity: float) -> _Actor:
        rng, camera = self.rng, self.camera
        (x, z), metres = self._spot(share_on_road, 18), rng.uniform(1.6, 1.9)

        def paint(owner: int) -> int:
            parts, corner = actors.figure(camera, x, z, metres, rng)
            if len(looks) > actors.SHOES:
                parts = actors.outlined(parts)
            return self._paste(parts, corner, looks, owner, opacity)

        return _Actor(z, actors.upright_box(camera, x, z, metres, 0.42 * metres), label, paint)

    def _paste(
        self, parts: np.ndarray, corner: tuple[int, int], looks: list[Material], owner: int, opacity: float
    ) -> int:
        if not self.street.night and opacity > CAMOUFLAGE_OPACITY:
            self._contact_shadow(parts, corner)
        return self.canvas.paste(parts, corner, looks, owner, opacity)

    def _contact_shadow(self, parts: np.ndarray, corner: tuple[int, int]) -> None:
        height, width = parts.shape
        ring = np.linspace(0, 2 * np.pi, 17)[:-1]
        centre = corner[0] + 0.5 * width, corner[1] + height - 0.02 * height
        ellipse = np.stack([centre[0] + 0.42 * width * np.cos(ring), centre[1] + 0.05 * height * np.sin(ring)], -1)
        self.canvas.shade(ellipse, 0.6)

    def _person(self) -> _Actor:
        looks = actors.warm(actors.clothing(self.rng), self.street, self.rng)
        hidden = self.street.night or self.rng.random() < CAMOUFLAGE_SHARE
        opacity = (NIGHT_OPACITY if self.street.night else CAMOUFLAGE_OPACITY) if hidden else 1.0
        return self._figure(PERSON, 0.45, looks, opacity)

    def _neon(self) -> _Actor:
        return self._figure(0, 0.3, actors.warm(actors.neon(self.street, self.rng), self.street, self.rng), 1.0)

    def _cardboard(self) -> _Actor:
        return self._figure(0, 0.3, actors.clothing(self.rng), 1.0)

    def _cone(self, x: float, z: float) -> _Actor:
        looks = actors.cone_looks(self.street)
        box = actors.upright_box(self.camera, x, z, actors.CONE_HEIGHT, 0.6 * actors.CONE_HEIGHT)
        return _Actor(z, box, CONE, lambda owner: self._paste(*actors.cone(self.camera, x, z), looks, owner, 1.0))

    def _road_works(self) -> None:
        """A row of cones along or across a lane."""
        rng = self.rng
        z, x = rng.uniform(1.15, 1.9) * self.nearest, 0.6 * self.street.road * rng.uniform(-1, 1)
        step_x, step_z = rng.uniform(-0.9, 0.9), rng.uniform(0.6, 2.5)
        for k in range(rng.integers(2, 6)):
            self._try(lambda k=k: self._cone(x + k * step_x, z + k * step_z))

    def _car(self) -> _Actor:
        rng, street = self.rng, self.street
        near = 1.2 * self.nearest + 1.5
        if rng.random() < 0.2:  # crosses the street
            x, yaw = rng.uniform(-3, 3), rng.choice((-1, 1)) * rng.uniform(1.35, 1.75)
            z = rng.uniform(near + 2, 22)
        else:
            side = rng.choice((-1, 1))
            x = side * (street.road - rng.uniform(1.1, 2.4))
            yaw = (0 if side > 0 else np.pi) + rng.uniform(-0.08, 0.08)
            z = 1 / rng.uniform(1 / 26, 1 / near)
        looks = actors.car_looks(street, rng, rng.uniform(0.2, 1))
        half_length, half_width = (2.2, 1.0) if abs(np.sin(yaw)) < 0.5 else (1.0, 2.2)
        ground = [(x + a * half_width, 0, z + b * half_length) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]

        def paint(owner: int) -> int:
            (parts, corner), headlights = actors.car(self.camera, x, z, yaw)
            self.canvas.shade(self.camera.project(ground), 0.5)
            if street.night:
                self.headlights += headlights
                self.radii += [0.11 * self.camera.focal / z] * len(headlights)
            return self.canvas.paste(parts, corner, looks, owner)

        return _Actor(z, actors.car_box(self.camera, x, z, yaw), CAR, paint)


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection of two boxes over the area of the smaller one."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
