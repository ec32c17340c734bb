"""Writes generated scenes to files: paired images, label maps and COCO annotations."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmdefusion.utils.files import write_image, write_text
from mmdefusion.utils.kept import read_kept
from mmdefusion.utils.progress import counter
from mmdefusion.utils.unfinished import sweep, unfinished_name

from .generator import CLASSES, Scene, SceneGenerator

VERSION = 3  # raise it when a scene of the same seed and index, or its annotations, change
STAMP = 'scenes.json'
TEST_START = 1_000_000  # index of the first test scene, so that neither split depends on the other's length


def write_scenes(
    root: str | Path,
    train: int = 400,
    test: int = 100,
    seed: int = 0,
    size: tuple[int, int] = (160, 128),
    bits: int = 8,
    night_share: float = 0.5,
) -> Path:
    """Writes ``root/{train,test}/{vi,ir,labels}/000001D.png`` … and ``root/{train,test}.json`` (COCO boxes).

    Names end with D by day and with N by night, as in MFNet and MSRS.

    Nothing is done if the same set exists already. An interrupted run leaves ``root`` unchanged.

    Args:
        root: folder of the set; an earlier set in it is replaced.
        train: number of training scenes.
        test: number of test scenes.
        seed: seed of the set; scenes of equal seed and number are equal.
        size: width and height in pixels.
        bits: bits of the infrared images, 8 or 16.
        night_share: share of night scenes.

    Returns:
        Path: ``root``.

    Raises:
        FileExistsError: if ``root`` holds anything but an earlier set of scenes.
        ValueError: if a number of scenes is negative.
    """
    if min(train, test) < 0:
        raise ValueError(f'train={train} and test={test} scenes must be 0 or more.')
    root = Path(root)
    place = root.resolve()  # a link stays where it is, and leads to the new set
    stamp = dict(
        version=VERSION, train=train, test=test, seed=seed, size=list(size), bits=bits, night_share=night_share
    )
    if read_kept(place / STAMP) == stamp:
        return root
    if others := _others(place):
        raise FileExistsError(
            f'{root} holds {others[0]}, which is no part of generated scenes: name a new folder, or remove it.'
        )

    generator = SceneGenerator(size, seed, night_share, bits)
    place.parent.mkdir(parents=True, exist_ok=True)
    sweep(place.parent)
    partial = unfinished_name(place)
    partial.mkdir()
    try:
        with counter('scenes', train + test) as advance:
            for split, first, count in (('train', 0, train), ('test', TEST_START, test)):
                _write_split(partial, split, generator, range(first, first + count), advance)
        write_text(partial / STAMP, json.dumps(stamp))
        if place.exists():
            shutil.rmtree(place)
        os.replace(partial, place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return root


def _others(root: Path) -> list[str]:
    """Names in a folder that are no part of a set of scenes; all of them if it has no stamp."""
    if root.is_file():
        return ['a file']
    if not root.exists():
        return []
    names = sorted(path.name for path in root.iterdir())
    parts = {STAMP, *(f'{split}{ending}' for split in ('train', 'test') for ending in ('', '.json'))}
    systems = {'Thumbs.db', 'desktop.ini'}  # what systems put into any folder, beside hidden files
    own = [name for name in names if not name.startswith('.') and name not in systems]
    return [name for name in own if STAMP not in names or name not in parts]


def _write_split(
    root: Path, split: str, generator: SceneGenerator, indices: range, advance: Callable[[], None]
) -> None:
    coco = dict(
        images=[], annotations=[], categories=[dict(id=i, name=name) for i, name in enumerate(CLASSES, start=1)]
    )
    for kind in ('vi', 'ir', 'labels'):
        (root / split / kind).mkdir(parents=True)
    for number, index in enumerate(indices, start=1):
        scene = generator(index)
        name = f'{number:06d}{"N" if scene.night else "D"}.png'
        for kind, image in (('vi', scene.visible), ('ir', scene.infrared), ('labels', scene.mask)):
            write_image(root / split / kind / name, image)
        width, height = generator.size
        coco['images'].append(dict(id=number, file_name=name, width=width, height=height, night=scene.night))
        coco['annotations'] += _annotations(scene, number, len(coco['annotations']))
        advance()
    write_text(root / f'{split}.json', json.dumps(coco))


def _annotations(scene: Scene, image: int, before: int) -> list[dict]:
    sizes = scene.boxes[:, 2:] - scene.boxes[:, :2]
    boxes = np.concatenate([scene.boxes[:, :2], sizes], 1).tolist()  # x, y, width, height
    annotations = []
    for number, (box, label) in enumerate(zip(boxes, scene.labels.tolist(), strict=True), start=1):
        mask = scene.instances == number
        annotations.append(
            dict(
                id=before + number,
                image_id=image,
                category_id=label,
                bbox=box,
                area=int(mask.sum()),
                segmentation=_run_lengths(mask),
                iscrowd=0,
            )
        )
    return annotations


def _run_lengths(mask: np.ndarray) -> dict:
    """A mask in COCO's plain form: lengths of runs down the columns, of background first."""
    flat = mask.T.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    return dict(counts=[0, *lengths] if flat[0] else lengths, size=list(mask.shape))
