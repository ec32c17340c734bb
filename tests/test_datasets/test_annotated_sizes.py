"""Boxes of copies that were resized are refused; what may be a wrong size in an annotation is not."""

import json
import warnings
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from helpers import layouts
from helpers.warm_process import run_tool
from PIL import Image

from mmdefusion.datasets.annotated_sizes import OtherSize, find_resized, refuse_resized
from mmdefusion.datasets.annotation_files import told_size
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
        (LARGE, [UPPER_LEFT, UPPER_LEFT], False),  # nor where the size in the annotation ends
        (LARGE, [LOWER_RIGHT, (90, 30, 120, 44)], False),  # the size is wrong
        (LARGE, [], False),
        ((72, 52), [LOWER_RIGHT], False),  # another crop, or a wrong size
        ((48, 64), [UPPER_LEFT, (10, 40, 40, 60)], False),  # sides exchanged in the annotation, or turned by EXIF
        ((48, 64), [(50, 10, 62, 40)], True),  # turned, but not the boxes
        (SMALL, [(100, 80, 120, 90)], False),  # of no size at all: the box is at fault
    ],
)
def test_boxes_tell_of_which_size_they_are(size, boxes, refused):
    images = [OtherSize('other.png', size, TOLD, []), *[OtherSize('a.png', size, TOLD, boxes)] * 10]
    if not refused:
        refuse_resized(images, 11)
        return
    with pytest.raises(ValueError) as error:
        refuse_resized(images, 11, ', or else')
    sizes = '{}x{}'.format(*size), '{}x{}'.format(*TOLD)
    assert str(error.value).startswith(f'a.png is {sizes[0]}, its annotation says {sizes[1]}, and its boxes are of ')
    assert str(error.value).endswith(', or else.') and '\n' not in str(error.value)


def resized(size: tuple[int, int], told: tuple[int, int], *boxes: tuple[int, ...]) -> list[OtherSize]:
    return [OtherSize(f'{number}.png', size, told, [box]) for number, box in enumerate(boxes)]


@pytest.mark.parametrize(
    ('size', 'told', 'box'),
    [((640, 480), (640, 512), (10, 400, 90, 507)), ((640, 512), (512, 640), (10, 400, 90, 540))],
)
def test_a_few_wrong_boxes_are_no_sign(size, told, box):
    right = [(10, 20, 90, 100)] * 20
    assert find_resized(resized(size, told, box), 1) is None
    assert find_resized(resized(size, told, box, *right), 21) is None
    assert find_resized(resized(size, told, *right, box, box), 22) is None  # two of 22 images
    assert find_resized(resized(size, told, *right[2:], box, box), 20).path == '18.png'  # a tenth


def test_grown_images_need_many_boxes_and_nearly_the_whole_data_set():
    size, told = (1024, 768), (800, 600)
    clear, filling = (300, 250, 420, 450), (600, 350, 760, 590)
    assert find_resized(resized(size, told, *[filling] * 19), 19) is None
    crowd = [OtherSize('0.png', size, told, [filling] * 20), OtherSize('1.png', size, told)]
    assert find_resized(crowd, 2) is None  # all in one image
    images = resized(size, told, *[clear] * 19, filling)
    assert find_resized(images, 20).path == '0.png'
    assert find_resized(images, 22).path == '0.png' and find_resized(images, 23) is None
    assert find_resized(resized(size, told, *[clear] * 20), 20) is None
    for one in ((600, 250, 760, 450), (300, 350, 420, 590)):  # only one side is filled
        assert find_resized(resized(size, told, *[clear] * 19, one), 20) is None


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
    with pytest.raises(ValueError, match=message):  # the first image has a box of 41 to 51
        m3fd(tmp_path, SMALL, LOWER_RIGHT)
    assert len(m3fd(tmp_path, SMALL, LOWER_RIGHT, check_headers=False)) == 2


def test_a_few_pairs_with_one_wrong_size_are_trained_on(tmp_path):
    assert len(m3fd(tmp_path, LARGE, UPPER_LEFT)) == 2  # no box needs the room, but three boxes are too few to tell


def test_grown_copies_are_refused(tmp_path):
    m3fd(tmp_path, LARGE, UPPER_LEFT)
    layouts.write_xml(tmp_path / 'Annotation/00000.xml', [('Car', UPPER_LEFT)] * 19 + [('Car', LOWER_RIGHT)])
    with pytest.raises(ValueError, match=r'Vis/00000\.png is 128x96, its annotation says 64x48, and its boxes are of'):
        type(m3fd(tmp_path / 'other', TOLD, UPPER_LEFT))(data_root=str(tmp_path), pipeline=[]).full_init()


def test_sizes_that_may_be_wrong_are_told_in_one_line(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr('mmdefusion.datasets.pairing.print_log', lambda message, *_, **__: told.append(message))
    assert len(m3fd(tmp_path, (70, 50), UPPER_LEFT)) == 2
    assert len([line for line in told if '2 of 2 images are of another size than their annotations say' in line]) == 1
    told.clear()
    assert len(m3fd(tmp_path, SMALL, UPPER_LEFT)) == 2  # one image of two has a box beyond it
    assert len([line for line in told if '2 of 2 images are of another size' in line]) == 1
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
    content['annotations'] = [dict(one, bbox=box, area=box[2] * box[3]) for one in content['annotations']]
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


@pytest.mark.parametrize('name', ['voc', 'dronevehicle'])
def test_a_converter_warns_and_takes_boxes_as_they_are(name, tmp_path):
    def boxes_and_warning(box: tuple[int, ...]) -> tuple[tuple, str]:
        for stem in 'ab':
            layouts.write(tmp_path / f'images/{stem}.png', layouts.grey(0, 24, 32))
            layouts.write_xml(tmp_path / f'xml/{stem}.xml', [('car', box)])
        with pytest.warns(UserWarning) as told:
            images = READERS[name](tmp_path / 'xml', tmp_path / 'images')
        assert [(image.width, len(image.boxes)) for image in images] == [(32, 1)] * 2
        return images[0].boxes[0], str(told.pop().message)

    surely, line = boxes_and_warning(LOWER_RIGHT)
    assert surely.x1 in LOWER_RIGHT or surely.x1 + 1 in LOWER_RIGHT  # VOC's pixels count from 1
    assert line.startswith('2 of 2 images are of another size than their annotations say, first ')
    assert 'a.png is 32x24, its annotation says 64x48; their boxes are taken as they are, which are of the' in line
    assert 'give the images that were annotated' in line
    assert 'taken as they are (docs/datasets.md).' in boxes_and_warning(UPPER_LEFT)[1]


def test_the_converter_tells_in_a_line_and_converts(tmp_path):
    layouts.m3fd(tmp_path, count=2)
    for path in (tmp_path / 'Vis').iterdir():
        layouts.write(path, layouts.grey(0, 24, 32))
    result = run_tool(
        ROOT / 'tools/dataset_converters/convert_boxes.py', '--from', 'voc', '--to', 'coco', '--annotations',
        tmp_path / 'Annotation', '--images', tmp_path / 'Vis', '--out', tmp_path / 'all.json',
    )  # fmt: skip
    assert result.returncode == 0 and len(json.loads((tmp_path / 'all.json').read_text())['annotations']) == 4
    (line,) = [line for line in result.stderr.splitlines() if 'another size' in line]
    assert line.startswith('2 of 2 images are') and line.endswith('(docs/datasets.md).')


SIZES = [
    ('<width>64</width><height>48</height>', (64, 48)),
    ('<width> 64.0 </width><height>47.6</height>', (64, 48)),
    ('<width>64</width>', None),
    ('<width/><height>48</height>', None),
    ('<width>0</width><height>48</height>', None),
    ('<width>-64</width><height>48</height>', None),
    ('<width>wide</width><height>48</height>', None),
    ('<width>nan</width><height>inf</height>', None),
    ('<width>inf</width><height>48</height>', None),
    ('<width>1e300</width><height>48</height>', None),
    ('', None),
]


@pytest.mark.parametrize(('size', 'told'), SIZES)
def test_data_sets_and_converters_read_a_size_alike(size, told, tmp_path):
    assert told_size(ElementTree.fromstring(f'<annotation><size>{size}</size></annotation>')) == told
    dataset = m3fd(tmp_path, TOLD, UPPER_LEFT)
    path = tmp_path / 'Annotation/00000.xml'
    text = path.read_text()
    path.write_text(f'{text[: text.index("<width>")]}{size}{text[text.index("</size>") :]}')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        (image, _) = READERS['voc'](tmp_path / 'Annotation', tmp_path / 'Vis')
    info = type(dataset)(data_root=str(tmp_path), pipeline=[]).get_data_info(0)
    assert (image.width, image.height) == (info['width'], info['height']) == TOLD
    assert len(image.boxes) == len(info['instances']) == 2


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
