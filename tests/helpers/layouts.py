"""Tiny data sets in the layouts of the real ones.

Each infrared image is the negative of its visible one, which is grey, so a test can tell at every pixel whether the
fourth channel is the partner and whether it moved with the image.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 64, 48


def grey(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A smooth H×W uint8 image without symmetry."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)


def write(path: Path, image: np.ndarray) -> str:
    """Writes an image by the path's suffix and makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return str(path)


def write_pair(visible: Path, infrared: Path, seed: int) -> None:
    image = grey(seed)
    write(visible, np.repeat(image[..., None], 3, axis=2))
    write(infrared, 255 - image)


def write_xml(
    path: Path,
    objects: Sequence[tuple[str, tuple[int, int, int, int]]],
    keys: str = 'corners',
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> None:
    """A VOC annotation; ``keys='xywh'`` writes KAIST's boxes."""
    names = ('x', 'y', 'w', 'h') if keys == 'xywh' else ('xmin', 'ymin', 'xmax', 'ymax')
    body = ''
    for name, box in objects:
        corners = ''.join(f'<{key}>{value}</{key}>' for key, value in zip(names, box, strict=True))
        body += f'<object><name>{name}</name><difficult>0</difficult><bndbox>{corners}</bndbox></object>'
    sides = '<size><width>{}</width><height>{}</height><depth>3</depth></size>'.format(*size)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'<annotation>{sides}{body}</annotation>')


def write_lines(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')


def m3fd(root: Path, count: int = 4, annotations: str = 'Annotation') -> list[str]:
    """A car and a lamp in each image."""
    ids = [f'{index:05d}' for index in range(count)]
    for seed, image_id in enumerate(ids):
        write_pair(root / f'Vis/{image_id}.png', root / f'Ir/{image_id}.png', seed)
        write_xml(root / f'{annotations}/{image_id}.xml', [('Car', (11, 11, 31, 31)), ('Lamp', (41, 5, 51, 25))])
    write_lines(root / 'meta/train.txt', [f'{image_id}.png' for image_id in ids[:-1]])
    return ids


def llvip(root: Path) -> None:
    """Two training images and one test image, a person in each."""
    for seed, name in enumerate(('train/010001', 'train/010002', 'test/190001')):
        write_pair(root / f'visible/{name}.jpg', root / f'infrared/{name}.jpg', seed)
        write_xml(root / f'Annotations/{Path(name).name}.xml', [('person', (11, 11, 31, 41))])


def kaist(root: Path) -> None:
    """A person in the first frame, a person and all that is ignored in the second."""
    ignored = [(name, (30, 5, 10, 20)) for name in ('person?', 'person?a', 'people', 'cyclist')]
    for seed, frame in enumerate(('I00000', 'I00002')):
        folder = root / 'images/set00/V000'
        write_pair(folder / f'visible/{frame}.jpg', folder / f'lwir/{frame}.jpg', seed)
        objects = [('person', (10, 5, 8, 20)), *(ignored if seed else [])]
        write_xml(root / f'annotations-xml-new-sanitized/set00/V000/{frame}.xml', objects, keys='xywh')
    write_lines(root / 'imageSets/train.txt', ['set00/V000/I00000', 'set00/V000/I00002'])


def flir_published(root: Path) -> None:
    """Two pairs of the published aligned version, with a car and a dog in each."""
    ids = ('FLIR_00002', 'FLIR_00010')
    for seed, image_id in enumerate(ids):
        folder = root / 'JPEGImages'
        write_pair(folder / f'{image_id}_RGB.jpg', folder / f'{image_id}_PreviewData.jpeg', seed)
        objects = [('car', (11, 11, 31, 31)), ('dog', (41, 5, 51, 25))]
        write_xml(root / f'Annotations/{image_id}_PreviewData.xml', objects)
    write_lines(root / 'align_train.txt', [f'{image_id}_PreviewData' for image_id in ids])


def coco(root: Path, count: int = 3, categories: Sequence[str] = ('person', 'bicycle', 'car')) -> None:
    """One box of the last category in each image; vi/, ir/ and train.json."""
    for index in range(count):
        write_pair(root / f'vi/{index:03d}.png', root / f'ir/{index:03d}.png', index)
    box = dict(category_id=len(categories), bbox=[10, 10, 20, 20], area=400, iscrowd=0)
    images = [dict(id=i, file_name=f'{i:03d}.png', width=WIDTH, height=HEIGHT) for i in range(count)]
    content = dict(
        images=images,
        annotations=[dict(id=i + 1, image_id=i, **box) for i in range(count)],
        categories=[dict(id=i, name=name) for i, name in enumerate(categories, start=1)],
    )
    (root / 'train.json').write_text(json.dumps(content))


def labels(seed: int, classes: int) -> np.ndarray:
    """An H×W label map with each of ``classes`` values; it follows the image, so that geometry can be checked."""
    return (grey(seed).astype(np.uint16) * classes // 256).astype(np.uint8)


def segmentation(root: Path, visible: str, infrared: str, label_maps: str, classes: int, count: int = 3) -> None:
    """Pairs with label maps 0 … classes − 1 in the three folders."""
    for index in range(count):
        name = f'{index:05d}D.png'
        write_pair(root / visible / name, root / infrared / name, index)
        write(root / label_maps / name, labels(index, classes))


def mfnet(root: Path, count: int = 3) -> None:
    """Four-channel images, label maps and lists."""
    ids = [f'{index:05d}D' for index in range(count)]
    for seed, image_id in enumerate(ids):
        image = grey(seed)
        write(root / f'images/{image_id}.png', np.dstack([image, image, image, 255 - image]))
        write(root / f'labels/{image_id}.png', labels(seed, 9))
    write_lines(root / 'train.txt', ids)
    write_lines(root / 'test_night.txt', ids[:1])
