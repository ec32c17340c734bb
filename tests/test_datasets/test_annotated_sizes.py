"""Boxes of copies that were resized are refused; what may be a wrong size in an annotation is not."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import layouts
from helpers.warm_process import run_tool
from PIL import Image

from mmdefusion.datasets.annotated_sizes import OtherSize, refuse_resized
from mmdefusion.datasets.conversion import READERS

ROOT = Path(__file__).resolve().parents[2]
SMALL, TOLD, LARGE = (32, 24), (64, 48), (128, 96)
LOWER_RIGHT, UPPER_LEFT = (44, 30, 60, 44), (2, 2, 20, 20)


@pytest.mark.parametrize(
    ('size', 'boxes', 'refused'),
    [
        (SMALL, [UPPER_LEFT, LOWER_RIGHT], True),  # shrunk, and a box does not fit any more
        (SMALL, [UPPER_LEFT], False),  # the size may be wrong
        (SMALL, [(0, 0, 33, 25)], False),  # rounded
        (LARGE, [UPPER_LEFT, LOWER_RIGHT], True),  # grown, and no box is where there was no image
        (LARGE, [LOWER_RIGHT, (90, 30, 120, 44)], False),  # the size is wrong
        (LARGE, [], False),
        ((72, 52), [LOWER_RIGHT], False),  # another crop, or a wrong size
        ((48, 64), [UPPER_LEFT, (10, 40, 40, 60)], False),  # sides exchanged in the annotation, or turned by EXIF
        ((48, 64), [(50, 10, 62, 40)], True),  # turned, but not the boxes
        (SMALL, [(100, 80, 120, 90)], False),  # of no size at all: the box is at fault
    ],
)
def test_boxes_tell_of_which_size_they_are(size, boxes, refused):
    images = [OtherSize('other.png', size, TOLD, []), OtherSize('a.png', size, TOLD, boxes)]
    if not refused:
        refuse_resized(images)
        return
    with pytest.raises(ValueError) as error:
        refuse_resized(images, ', or else')
    sizes = '{}x{}'.format(*size), '{}x{}'.format(*TOLD)
    assert str(error.value).startswith(f'a.png is {sizes[0]}, its annotation says {sizes[1]}, and its boxes are of ')
    assert str(error.value).endswith(', or else.') and '\n' not in str(error.value)


def m3fd(root: Path, size: tuple[int, int], box: tuple[int, ...], **options):
    """M3FD's layout with images of a size, and annotations of 64x48."""
    pytest.importorskip('mmdet')
    from mmdefusion.datasets.detection import M3FDDataset

    layouts.m3fd(root, count=2)
    for path in (*(root / 'Vis').iterdir(), *(root / 'Ir').iterdir()):
        layouts.write(path, layouts.grey(0, size[1], size[0]))
    layouts.write_xml(root / 'Annotation/00001.xml', [('Car', box)])
    return M3FDDataset(data_root=str(root), pipeline=[], **options)


def test_a_training_on_resized_copies_does_not_begin(tmp_path):
    message = r'Vis/0000\d\.png is 32x24, its annotation says 64x48, .*images that were annotated.*check_headers=False'
    with pytest.raises(ValueError, match=message):
        m3fd(tmp_path, SMALL, LOWER_RIGHT)
    assert len(m3fd(tmp_path, SMALL, LOWER_RIGHT, check_headers=False)) == 2


def test_sizes_that_may_be_wrong_are_told_in_one_line(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr('mmdefusion.datasets.pairing.print_log', lambda message, *_, **__: told.append(message))
    assert len(m3fd(tmp_path, (70, 50), UPPER_LEFT)) == 2
    assert len([line for line in told if '2 of 2 images are of another size than their annotations say' in line]) == 1
    told.clear()
    assert len(m3fd(tmp_path, TOLD, LOWER_RIGHT)) == 2 and not any('size' in line for line in told)


def turned(root: Path, told: tuple[int, int], box: list[int]):
    """COCO's layout with JPEG files of 64x48 that EXIF turns to 48x64."""
    pytest.importorskip('mmdet')
    from mmdefusion.datasets.detection import FLIRAlignedDataset

    layouts.coco(root)
    exif = Image.Exif()
    exif[0x0112] = 6
    for path in (*(root / 'vi').iterdir(), *(root / 'ir').iterdir()):
        Image.open(path).convert('L').save(path.with_suffix('.jpg'), exif=exif)
    content = json.loads((root / 'train.json').read_text())
    for image in content['images']:
        image.update(file_name=image['file_name'].replace('.png', '.jpg'), width=told[0], height=told[1])
    content['annotations'] = [dict(content['annotations'][0], bbox=box, area=box[2] * box[3])]
    (root / 'train.json').write_text(json.dumps(content))
    return FLIRAlignedDataset(
        data_root=str(root), ann_file='train.json', data_prefix=dict(img='vi/', img_ir='ir/'), pipeline=[]
    )


@pytest.mark.parametrize('told', [(48, 64), (64, 48)])
def test_sizes_of_images_that_exif_turns_may_be_those_before_or_after(told, tmp_path):
    assert len(turned(tmp_path, told, [5, 30, 30, 18])) == 3


def test_boxes_of_an_image_before_exif_turns_it_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r'000\.jpg is 48x64, its annotation says 64x48, and its boxes are of that'):
        turned(tmp_path, (64, 48), [50, 10, 12, 30])


def test_a_converter_does_not_take_boxes_of_another_size(tmp_path):
    layouts.write(tmp_path / 'images/a.png', layouts.grey(0, 24, 32))
    layouts.write_xml(tmp_path / 'xml/a.xml', [('car', LOWER_RIGHT)])
    for name in ('voc', 'dronevehicle'):
        with pytest.raises(ValueError, match=r'images/a\.png is 32x24, its annotation says 64x48, and its boxes are'):
            READERS[name](tmp_path / 'xml', tmp_path / 'images')
    layouts.write_xml(tmp_path / 'xml/a.xml', [('car', UPPER_LEFT)])
    assert READERS['voc'](tmp_path / 'xml', tmp_path / 'images')[0].width == 32


@pytest.mark.parametrize('source', ['coco', 'voc'])
def test_boxes_are_resized_by_way_of_yolo(source, tmp_path):
    """As docs/datasets.md says."""
    layouts.m3fd(tmp_path, count=2)
    for name in ('00000', '00001'):
        half = cv2.resize(cv2.imread(str(tmp_path / f'Vis/{name}.png')), SMALL)
        layouts.write(tmp_path / f'small/{name}.png', half)

    def convert(*options: object) -> None:
        result = run_tool(ROOT / 'tools/dataset_converters/convert_boxes.py', *options)
        assert result.returncode == 0, result.stderr

    convert('--from', 'voc', '--to', 'coco', '--annotations', tmp_path / 'Annotation', '--images', tmp_path / 'Vis',
            '--out', tmp_path / 'all.json')  # fmt: skip
    annotations = tmp_path / ('all.json' if source == 'coco' else 'Annotation')
    images = tmp_path / ('small' if source == 'coco' else 'Vis')  # COCO's file has the sizes, VOC needs the images
    convert('--from', source, '--to', 'yolo', '--annotations', annotations, '--images', images, '--out',
            tmp_path / 'yolo')  # fmt: skip
    convert('--from', 'yolo', '--to', 'coco', '--annotations', tmp_path / 'yolo', '--images', tmp_path / 'small',
            '--out', tmp_path / 'small.json')  # fmt: skip
    whole, halves = (json.loads((tmp_path / name).read_text()) for name in ('all.json', 'small.json'))
    for one, other in zip(whole['annotations'], halves['annotations'], strict=True):
        np.testing.assert_allclose(np.array(one['bbox']) / 2, other['bbox'], atol=1e-3)
