"""Every reader of files from strangers: whole files to begin with, how to read one, and what it may raise."""

import contextlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

TEXTS = {
    'voc': '<annotation><size><width>64</width><height>48</height></size><object><name>car</name><difficult>0'
    '</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40.5</ymax></bndbox></object></annotation>',
    'dronevehicle': '<annotation><object><name>feright car</name><polygon><x1>1</x1><y1>2</y1><x2>9</x2><y2>2</y2>'
    '<x3>9</x3><y3>8</y3><x4>1</x4><y4>8</y4></polygon></object></annotation>',
    'yolo': '0 0.5 0.5 0.25 0.25\n1 0.1 0.2 0.1 0.1\n',
    'kaist': '% bbGt version=3\nperson 10 20 30 60 0 0 0 0 0 0 0\npeople 1 2 3 6 0 0 0 0 0 1 0\n',
    'vedai': '0 50 60 0.5 40 60 62 38 50 52 70 68 11 1 0\n0 5 6 0 0 9 9 0 2 2 8 8 1 0 0\n',
}
COCO = dict(
    images=[dict(id=1, file_name='0.png', width=64, height=48)],
    annotations=[
        dict(id=1, image_id=1, category_id=1, bbox=[1, 2, 30, 40.5], area=1215, iscrowd=0),
        dict(id=2, image_id=1, category_id=2, bbox=[5, 5, 6, 7], area=42, iscrowd=1),
    ],
    categories=[dict(id=1, name='car'), dict(id=2, name='person')],
)
VOC_PATHS = dict(voc='xml/0.xml', dronevehicle='xml/0.xml', yolo='yolo/0.txt', kaist='kaist/set00/V000/0.txt')


@dataclass(frozen=True)
class Reader:
    """A reader of one kind of file.

    Attributes:
        bases: whole files.
        read: takes the path of one.
        allowed: what it may raise.
        name: of the file, below a folder of its own.
        text: whether the files are text.
    """

    bases: Sequence[bytes]
    read: Callable[[Path], object]
    allowed: tuple[type[Exception], ...]
    name: str
    text: bool = False


def grey(seed: int = 0, shape: tuple[int, ...] = (12, 16)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def images() -> dict[str, list[bytes]]:
    """Small files of all depths, channels and packings that are read."""
    kinds = [grey(), grey(1, (12, 16, 3)), grey(2, (12, 16, 4)), grey(3).astype(np.uint16) * 200]
    floats = [grey(4).astype(np.float32), grey(5, (12, 16, 3)).astype(np.float32)]
    found = {'png': [cv2.imencode('.png', image)[1].tobytes() for image in kinds]}
    found['jpeg'] = [cv2.imencode('.jpg', image)[1].tobytes() for image in kinds[:2]]
    found['tiff'] = [cv2.imencode('.tif', image)[1].tobytes() for image in kinds + floats]
    found['bmp'] = [cv2.imencode('.bmp', image)[1].tobytes() for image in kinds[:3]]
    found['webp'] = [cv2.imencode('.webp', image)[1].tobytes() for image in kinds[1:3]]
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind, options in (
        ('png', dict(exif=exif)),
        ('jpeg', dict(exif=exif, progressive=True)),
        ('tiff', dict(compression='tiff_lzw')),
        ('tiff', dict(compression='jpeg')),
    ):
        buffer = io.BytesIO()
        Image.fromarray(kinds[1]).save(buffer, kind, **options)
        found[kind].append(buffer.getvalue())
    return found


def read_everyway(path: Path) -> None:
    """An image by its header, and decoded in both ways."""
    from mmdefusion.utils.image_headers import UnusableImage, read_header
    from mmdefusion.utils.image_io import read_fourth_channel, read_image

    errors = 0
    for read in (read_header, lambda name: read_image(name, channels=3), read_fourth_channel):
        try:
            read(str(path))
        except UnusableImage as error:
            errors += 1
            assert '\n' not in str(error) and str(path) in str(error)
    if errors == 3:
        raise UnusableImage(str(path))


def make_readers(folder: Path, names: Sequence[str]) -> dict[str, Reader]:
    """Those of ``names``, with what their files need beside them in ``folder``."""
    from mmdefusion.datasets.annotation_files import UnusableAnnotation
    from mmdefusion.datasets.conversion import READERS
    from mmdefusion.utils.image_headers import UnusableImage

    folder.mkdir(parents=True, exist_ok=True)
    for name in ('0.png', '0_co.png', 'set00/V000/visible/0.jpg'):
        (folder / 'images' / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / 'images' / name), grey(0, (48, 64)))
    readers = {kind: Reader(bases, read_everyway, (UnusableImage,), f'a.{kind}') for kind, bases in images().items()}

    def convert(kind: str, root: Path, pictures: str) -> Callable[[Path], object]:
        return lambda path: READERS[kind](path if root == folder else root, folder / pictures)

    for kind, path in VOC_PATHS.items():
        root = folder / Path(path).parts[0]
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        pictures = 'images' if kind == 'kaist' else 'one'
        readers[kind] = Reader(
            [TEXTS[kind].encode()], convert(kind, root, pictures), (UnusableAnnotation,), path, text=True
        )
    (folder / 'one').mkdir(exist_ok=True)
    cv2.imwrite(str(folder / 'one/0.png'), grey(0, (48, 64)))
    (folder / 'yolo/classes.txt').write_text('car\nperson\n')
    (folder / 'co').mkdir(exist_ok=True)
    cv2.imwrite(str(folder / 'co/0_co.png'), grey(0, (48, 64)))
    readers['vedai'] = Reader(
        [TEXTS['vedai'].encode()], convert('vedai', folder, 'co'), (UnusableAnnotation,), 'a.txt', text=True
    )
    coco = [json.dumps(COCO).encode(), json.dumps(COCO, indent=1).encode()]
    readers['coco'] = Reader(coco, convert('coco', folder, 'one'), (UnusableAnnotation,), 'a.json', text=True)
    if 'coco-data-set' in names:
        readers['coco-data-set'] = Reader(coco, _coco_data_set(folder), (ValueError, OSError), 'a.json', text=True)
    if 'voc-data-set' in names:
        base = [TEXTS['voc'].encode()]
        readers['voc-data-set'] = Reader(base, _voc_data_set(folder), (ValueError, OSError), 'ann/0.xml', text=True)
    if 'video' in names:
        readers['video'] = _video(folder)
    if 'checkpoint' in names or 'safetensors' in names:
        readers.update(_checkpoints(folder))
    return {name: readers[name] for name in names}


def _coco_data_set(folder: Path) -> Callable[[Path], object]:
    from mmdefusion.datasets.detection import PairedCocoDataset

    def read(path: Path) -> object:
        with contextlib.redirect_stdout(io.StringIO()):
            dataset = PairedCocoDataset(
                ann_file=str(path),
                data_prefix=dict(img=f'{folder}/one/', img_ir=f'{folder}/one/'),
                metainfo=dict(classes=('car', 'person')),
                pipeline=[],
            )
        return dataset.get_data_info(0)

    return read


def _voc_data_set(folder: Path) -> Callable[[Path], object]:
    from mmdefusion.datasets.detection import PairedXMLDataset

    (folder / 'ann').mkdir(exist_ok=True)
    prefix = dict(img=f'{folder}/one', img_ir=f'{folder}/one', ann=f'{folder}/ann')
    options = dict(data_prefix=prefix, metainfo=dict(classes=('car', 'person')), pipeline=[])
    return lambda path: PairedXMLDataset(**options).get_data_info(0)


def _video(folder: Path) -> Reader:
    from mmdefusion.utils.video_reader import VideoFrames

    bases = []
    for suffix, code in (('avi', 'MJPG'), ('mp4', 'mp4v')):
        path = str(folder / f'base.{suffix}')
        writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*code), 25, (64, 48))
        for seed in range(4):
            writer.write(grey(seed, (48, 64, 3)))
        writer.release()
        bases.append(Path(path).read_bytes())

    def read(path: Path) -> None:
        for number, _ in enumerate(VideoFrames([path, path])):
            if number == 8:
                break

    return Reader(bases, read, (ValueError, OSError), 'a.mp4')


def _checkpoints(folder: Path) -> dict[str, Reader]:
    import torch

    from mmdefusion.models.checkpoints.errors import CheckpointError
    from mmdefusion.models.checkpoints.reading import read_checkpoint
    from mmdefusion.models.checkpoints.safetensors_files import write_safetensors

    state = {'a.weight': torch.arange(12.0).reshape(3, 4), 'b': torch.ones(2, dtype=torch.float16)}
    path, bases = folder / 'base.pth', []
    for zipped in (True, False):
        torch.save(dict(state_dict=state, meta=dict(epoch=1)), path, _use_new_zipfile_serialization=zipped)
        bases.append(path.read_bytes())
    write_safetensors(state, dict(epoch=1), folder / 'base.safetensors')
    safe = [(folder / 'base.safetensors').read_bytes()]
    return {
        'checkpoint': Reader(bases, read_checkpoint, (CheckpointError,), 'a.pth'),
        'safetensors': Reader(safe, read_checkpoint, (CheckpointError,), 'a.safetensors'),
    }


NAMES = ('png', 'jpeg', 'tiff', 'bmp', 'webp', *VOC_PATHS, 'vedai', 'coco', 'coco-data-set', 'voc-data-set', 'video')
NAMES += ('checkpoint', 'safetensors')
