"""Every format from a tiny sample of its real layout; those that are written come back as they were."""

import json
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.layouts import grey, write
from helpers.warm_process import run_tool

from mmdefusion.datasets.annotation_files import UnusableAnnotation
from mmdefusion.datasets.conversion import READERS, WRITERS, AnnotatedImage, Box, voc, yolo

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ['person', 'car']
IMAGES = [
    AnnotatedImage('a/0.png', 80, 60, (Box('person', 1, 2, 11, 30), Box('car', 40, 10, 79, 50, ignore=True))),
    AnnotatedImage('a/1.png', 64, 48, ()),
    AnnotatedImage('b.png', 64, 48, (Box('car', 0, 0, 64, 48),)),
]


@pytest.fixture
def folder(tmp_path) -> Path:
    for image in IMAGES:
        write(tmp_path / 'images' / image.name, grey(0, image.height, image.width))
    return tmp_path


def by_name(images: list[AnnotatedImage]) -> dict[str, AnnotatedImage]:
    return {image.name: image for image in images}


@pytest.mark.parametrize('name', WRITERS)
def test_what_is_written_is_read_again(name, folder):
    target = folder / ('out.json' if name == 'coco' else 'out')
    WRITERS[name](IMAGES, CLASSES, target)
    found = by_name(READERS[name](target, folder / 'images'))
    assert list(found) == [image.name for image in IMAGES]
    for image in IMAGES:
        boxes = [box for box in image.boxes if not (box.ignore and name == 'yolo')]
        again = found[image.name]
        assert (again.width, again.height, len(again.boxes)) == (image.width, image.height, len(boxes))
        for one, other in zip(again.boxes, boxes, strict=True):
            assert (one.label, one.ignore) == (other.label, other.ignore)
            assert np.allclose((one.x0, one.y0, one.x1, one.y1), (other.x0, other.y0, other.x1, other.y1), atol=1e-4)


def test_kaist_text(tmp_path):
    write(tmp_path / 'images/set00/V000/visible/I00001.jpg', grey(0, 512, 640))
    path = tmp_path / 'annotations/set00/V000/I00001.txt'
    path.parent.mkdir(parents=True)
    lines = ['person 10 20 30 60 0 0 0 0 0 0 0', 'people 100 20 50 60 0 0 0 0 0 0 0', 'Cyclist 1 2 3 4 0 0 0 0 0 0 0']
    lines.append('person 5 6 7 8 0 0 0 0 0 1 0')  # flagged in the eleventh column
    path.write_text('\n'.join(['% bbGt version=3', *lines]))
    (image,) = READERS['kaist'](tmp_path / 'annotations', tmp_path / 'images')
    assert image.name == 'set00/V000/visible/I00001.jpg' and (image.width, image.height) == (640, 512)
    assert image.boxes == (
        Box('person', 10, 20, 40, 80),
        Box('person', 100, 20, 150, 80, ignore=True),
        Box('person', 1, 2, 4, 6, ignore=True),
        Box('person', 5, 6, 12, 14, ignore=True),
    )
    path.write_text('person 10 20\n')
    with pytest.raises(ValueError, match=r'I00001.txt is not .*: .person 10 20. is not'):
        READERS['kaist'](tmp_path / 'annotations', tmp_path / 'images')


def test_kaist_text_in_a_flat_folder(tmp_path):
    """As the improved annotations of the test part are published."""
    for name in ('set06/V000/visible/I00019.jpg', 'set11/V001/visible/I01799.jpg'):
        write(tmp_path / 'images' / name, grey(0, 512, 640))
    folder = tmp_path / 'annotations_KAIST_test_set'
    folder.mkdir()
    for name in ('set11_V001_I01799', 'set06_V000_I00019'):
        (folder / f'{name}.txt').write_text('% bbGt version=3\nperson 10 20 30 60 0 0 0 0 0 0 0\n')
    images = READERS['kaist'](folder, tmp_path / 'images')
    assert [image.name for image in images] == ['set06/V000/visible/I00019.jpg', 'set11/V001/visible/I01799.jpg']
    assert [image.listed for image in images] == ['set06/V000/I00019', 'set11/V001/I01799']
    assert images[0].boxes == (Box('person', 10, 20, 40, 80),)
    with pytest.raises(FileNotFoundError, match=r'setNN/VNNN/\*\.txt or setNN_VNNN_\*\.txt in '):
        READERS['kaist'](tmp_path / 'images', tmp_path / 'images')


@pytest.mark.parametrize('name', ['voc', 'yolo'])
def test_many_files_are_written_without_waiting_for_each_and_with_a_bar(name, folder, monkeypatch):
    waited, bars = [], []
    monkeypatch.setattr(os, 'fsync', waited.append)
    for module in (voc, yolo):
        monkeypatch.setattr(module, 'track', lambda items, what, *_: bars.append(what) or items)
    WRITERS[name](IMAGES, CLASSES, folder / 'out')
    READERS[name](folder / 'out', folder / 'images')
    assert len(waited) == (2 if name == 'yolo' else 0)  # of classes.txt and its folder
    assert bars == ['writing', 'reading']


def test_voc_as_mmdet_reads_it(folder):
    pytest.importorskip('mmdet')
    from mmdefusion.datasets.detection import PairedXMLDataset

    WRITERS['voc'](IMAGES, CLASSES, folder / 'xml')
    (folder / 'list.txt').write_text('a/0\n')
    prefix = dict(img='images', img_ir='images', ann='xml')
    dataset = PairedXMLDataset(
        data_root=str(folder), ann_file='list.txt', data_prefix=prefix, metainfo=dict(classes=CLASSES), pipeline=[]
    )
    assert dataset.get_data_info(0)['instances'][0]['bbox'] == [1, 2, 11, 30]


def test_dronevehicle_polygons(tmp_path):
    write(tmp_path / 'images/00001.jpg', grey(0, 712, 840))
    corners = ''.join(
        f'<x{k}>{x}</x{k}><y{k}>{y}</y{k}>' for k, (x, y) in enumerate([(10, 20), (30, 15), (35, 40), (12, 44)], 1)
    )
    objects = [
        f'<object><name>feright car</name><polygon>{corners}</polygon></object>',
        '<object><name>bus</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>',
    ]
    (tmp_path / 'xml').mkdir()
    (tmp_path / 'xml/00001.xml').write_text(f'<annotation>{"".join(objects)}</annotation>')
    (image,) = READERS['dronevehicle'](tmp_path / 'xml', tmp_path / 'images')
    assert image.boxes == (Box('freight car', 10, 15, 35, 44), Box('bus', 1, 2, 3, 4))
    (tmp_path / 'xml/00001.xml').write_text('<annotation>')
    with pytest.raises(ValueError, match=r'00001.xml is not XML'):
        READERS['dronevehicle'](tmp_path / 'xml', tmp_path / 'images')


BUS = '<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>'


def test_dronevehicle_objects_without_box_or_name_are_left_out_and_counted(tmp_path):
    write(tmp_path / 'images/00001.jpg', grey(0, 712, 840))
    objects = [f'<name>bus</name>{BUS}', '<name>car</name><point><x>1</x><y>2</y></point>', '<name>car</name>']
    objects += [BUS, f'<name/>{BUS}', f'<name>*</name>{BUS}']
    (tmp_path / 'xml').mkdir()
    path = tmp_path / 'xml/00001.xml'
    path.write_text(f'<annotation><object>{"</object><object>".join(objects)}</object></annotation>')
    (image,) = READERS['dronevehicle'](tmp_path / 'xml', tmp_path / 'images')
    assert image.boxes == (Box('bus', 1, 2, 3, 4),) and image.left_out == 5
    options = ['--from', 'dronevehicle', '--to', 'coco', '--annotations', tmp_path / 'xml']
    options += ['--images', tmp_path / 'images', '--out', tmp_path / 'train.json']
    result = run('convert_boxes.py', *options)
    assert result.returncode == 0, result.stderr
    assert '1 images, 1 bus (0 ignored), 5 objects without a box or the name of a class left out: ' in result.stdout
    path.write_text('<annotation><object><name>bus</name><bndbox><xmin>1</xmin></bndbox></object></annotation>')
    with pytest.raises(ValueError, match=r"00001.xml is not in DroneVehicle's format: "):
        READERS['dronevehicle'](tmp_path / 'xml', tmp_path / 'images')


BOX = Box('car', 16, 12, 48, 36)


@pytest.mark.parametrize(
    'values, box',
    [
        ('0.5 0.5 0.5 0.5', BOX),
        ('0.5 0.5 0.5 0.5 0.9', BOX),  # with a confidence
        ('0.5 0.5 0.5 0.5 0.9 7', BOX),  # and the number of a track
        ('0.5 0.5 0.5 0.5 0.9 1', BOX),
        ('0.25 0.25 0.75 0.5 0.5 0.75', BOX),
        ('0.125 0.25 0.875 0.25 0.5 1', Box('car', 8, 12, 56, 48)),  # a triangle that ends at the lower edge
        ('0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5', BOX),  # an oriented box
        ('0.25 0.3 0.3 0.25 0.75 0.5 0.5 0.75 0.4 0.7', BOX),
        ('0.5 0.5 0.5', None),
        ('0.5 0.5 0.5 0.5 high', None),
        ('0.5 0.25 0.75 0.5 0.5 0.75 0.25', None),
        ('0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5 0.9', None),
    ],
)
def test_yolo_boxes_and_polygons(values, box, tmp_path):
    write(tmp_path / 'images/a.png', grey(0, 48, 64))
    (tmp_path / 'classes.txt').write_text('person\ncar')
    (tmp_path / 'a.txt').write_text(f'1 {values}\n')
    if box:
        (image,) = READERS['yolo'](tmp_path, tmp_path / 'images')
        assert image.boxes == (box,)
    else:
        with pytest.raises(ValueError, match=f"a.txt is not YOLO's text: '1 {values}' is neither .class centre_x"):
            READERS['yolo'](tmp_path, tmp_path / 'images')


def test_a_polygon_with_a_corner_that_is_no_number_is_refused(tmp_path):
    write(tmp_path / 'images/a.png', grey(0, 48, 64))
    (tmp_path / 'classes.txt').write_text('person\ncar')
    (tmp_path / 'a.txt').write_text('1 0.5 0.25 0.75 nan 0.5 0.75 0.25 0.5\n')
    with pytest.raises(ValueError, match=r"a.txt is not YOLO's text: the box .* of 'car' has NaN or infinite edges"):
        READERS['yolo'](tmp_path, tmp_path / 'images')


def test_vedai_text(tmp_path):
    for name in ('00000001_co', '00000001_ir', '00000002_co'):
        write(tmp_path / f'images/{name}.png', grey(0, 512, 512))
    text = tmp_path / 'annotation512.txt'
    text.write_text('00000001 50 60 0.5 40 60 62 38 50 52 70 68 11 1 0\n00000001 5 6 0 0 9 9 0 2 2 8 8 1 0 0\n')
    (tmp_path / 'fold01.txt').write_text('00000001\n')  # its own lists leave _co out
    options = '--from', 'vedai', '--annotations', text, '--images', tmp_path / 'images'
    options += '--list', tmp_path / 'fold01.txt'
    result = run('convert_boxes.py', *options, '--to', 'coco', '--out', tmp_path / 'x.json')
    assert '1 images, 1 car, 1 pickup (1 ignored)' in result.stdout, result.stderr
    result = run('convert_boxes.py', *options, '--to', 'yolo', '--out', tmp_path / 'yolo')  # which cannot ignore
    assert '1 images, 0 car, 1 pickup, 1 ignored ones left out' in result.stdout, result.stderr
    assert len((tmp_path / 'yolo/00000001_co.txt').read_text().splitlines()) == 1
    first, second = READERS['vedai'](text, tmp_path / 'images')
    assert first.name == '00000001_co.png' and second.boxes == ()
    assert first.boxes == (Box('pickup', 38, 50, 62, 70), Box('car', 0, 2, 9, 8, ignore=True))
    for name in ('00000001', '00000002'):
        (tmp_path / f'images/{name}_co.png').rename(tmp_path / f'images/{name}.png')
    with pytest.raises(ValueError, match='images has no image of .*, such as 00000001_co.png: name their folder'):
        READERS['vedai'](text, tmp_path / 'images')
    text.write_text('00000001 50 60\n')
    with pytest.raises(ValueError, match='not a vehicle as VEDAI'):
        READERS['vedai'](text, tmp_path / 'images')


def run(tool: str, *arguments: object) -> subprocess.CompletedProcess:
    return run_tool(ROOT / 'tools/dataset_converters' / tool, *arguments)


def test_the_tool_takes_a_split_and_classes(folder):
    WRITERS['voc'](IMAGES, CLASSES, folder / 'xml')
    (folder / 'train.txt').write_text('a/0\nb.png\n')
    options = ['--from', 'voc', '--to', 'coco', '--annotations', folder / 'xml', '--images', folder / 'images']
    options += ['--out', folder / 'train.json', '--list', folder / 'train.txt']
    result = run('convert_boxes.py', *options)
    assert result.returncode == 0 and '2 images, 2 car, 1 person (1 ignored)' in result.stdout, result.stderr
    assert [image.name for image in READERS['coco'](folder / 'train.json', folder)] == ['a/0.png', 'b.png']
    result = run('convert_boxes.py', *options, '--classes', 'person')
    assert '2 images, 1 person (0 ignored), 2 boxes of other classes left out (car): ' in result.stdout
    result = run('convert_boxes.py', *options, '--classes', 'person', 'Car')
    last = "--classes: no box is of 'Car'; the annotations have (car, person): correct the name, or leave it out.\n"
    assert result.returncode == 1 and result.stderr == last
    result = run('convert_boxes.py', *options, '--classes', 'dog', 'cat')
    last = (
        "--classes: no box is of 'cat', 'dog'; the annotations have (car, person): correct the name, or leave it out.\n"
    )
    assert result.returncode == 1 and result.stderr == last
    result = run('convert_boxes.py', *options, '--classes', 'dog', 'person')
    assert result.returncode == 0 and '2 images, 0 dog, 1 person (0 ignored), 2 boxes of other' in result.stdout
    assert result.stderr == "--classes: no box is of 'dog'; the annotations have (car, person).\n"
    (folder / 'train.txt').write_text('a/0\n\nb.png\n', encoding='utf-8-sig')  # as editors of Windows write it
    result = run('convert_boxes.py', *options)
    assert '2 images, 2 car, 1 person (1 ignored)' in result.stdout, result.stderr
    (folder / 'train.txt').write_text('b\n')  # which has cars only, and numbers classes as the others do
    result = run('convert_boxes.py', *options)
    assert '1 images, 1 car, 0 person' in result.stdout, result.stderr
    content = json.loads((folder / 'train.json').read_text())
    assert [category['name'] for category in content['categories']] == ['car', 'person']
    (folder / 'train.txt').write_text('c\n')
    result = run('convert_boxes.py', *options)
    assert result.returncode == 1 and 'are no images (c).' in result.stderr


@pytest.mark.parametrize(('source', 'target'), [('coco', 'yolo'), ('yolo', 'coco')])
def test_a_split_may_lack_boxes_of_a_class(source, target, tmp_path):
    """It is numbered as the others are; classes that the annotations declare are known."""
    write(tmp_path / 'images/a.png', grey(0, 48, 64))
    annotations = tmp_path / ('val.json' if source == 'coco' else 'val')
    images = [AnnotatedImage('a.png', 64, 48, (Box('person', 0, 0, 9, 9),))]
    WRITERS[source](images, ['person', 'car', 'Person'], annotations)
    options = '--from', source, '--to', target, '--annotations', annotations, '--images', tmp_path / 'images'
    options += '--out', tmp_path / ('out.json' if target == 'coco' else 'out')
    for classes, line in (('car', 'person'), '1 images, 0 car, 1 person'), (('car',), '1 images, 0 car'):
        result = run('convert_boxes.py', *options, '--classes', *classes)
        assert result.returncode == 0 and line in result.stdout, result.stderr
        assert result.stderr == "--classes: no box is of 'car'; the annotations have (Person, car, person).\n"
    result = run('convert_boxes.py', *options, '--classes', 'Person', 'person')  # declared by that very name
    assert result.returncode == 0 and '0 Person, 1 person' in result.stdout, result.stderr
    result = run('convert_boxes.py', *options, '--classes', 'person', 'CAR')
    assert result.returncode == 1 and "no box is of 'CAR'; the annotations have (Person, car, person): correct" in (
        result.stderr
    )


@pytest.mark.parametrize('line', ['a.png', 'a'])
def test_a_list_may_name_a_file_of_the_folder_itself(line, tmp_path):
    """Though a file below it has the same name."""
    for name in ('a.png', 'sub/a.png'):
        write(tmp_path / 'images' / name, grey(0, 48, 64))
    images = [AnnotatedImage(name, 64, 48, (Box('car', 0, 0, 9, 9),)) for name in ('a.png', 'sub/a.png')]
    WRITERS['voc'](images, ['car'], tmp_path / 'xml')
    (tmp_path / 'list.txt').write_text(f'{line}\n')
    options = '--from', 'voc', '--to', 'coco', '--annotations', tmp_path / 'xml', '--images', tmp_path / 'images'
    result = run('convert_boxes.py', *options, '--out', tmp_path / 'x.json', '--list', tmp_path / 'list.txt')
    assert result.returncode == 0, result.stderr
    assert [image.name for image in READERS['coco'](tmp_path / 'x.json', tmp_path)] == ['a.png']


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_mfnet_there_and_back(dtype, tmp_path):
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (20, 30, 4), dtype)
    write(tmp_path / 'images/00001D.png', image)
    (tmp_path / 'images/._00001D.png').write_text('a note of another operating system')
    assert run('mfnet_pairs.py', 'split', tmp_path / 'images', tmp_path / 'vi', tmp_path / 'ir').returncode == 0
    assert cv2.imread(str(tmp_path / 'ir/00001D.png'), -1).shape == (20, 30)
    assert run('mfnet_pairs.py', 'join', tmp_path / 'again', tmp_path / 'vi', tmp_path / 'ir').returncode == 0
    again = cv2.imread(str(tmp_path / 'again/00001D.png'), -1)
    assert again.dtype == dtype and (again == image).all()
    result = run('mfnet_pairs.py', 'split', tmp_path / 'vi', tmp_path / 'x', tmp_path / 'y')
    assert result.returncode == 1 and 'is not an image of four channels' in result.stderr


OUTSIDE = ['../evil.png', '/tmp/evil.png', 'a/../../evil.png', 'C:/evil.png', '..\\evil.png', '', '.', 'link/evil.png']


@pytest.fixture
def out(tmp_path) -> Path:
    """A folder with a link that leads out of it."""
    (tmp_path / 'out').mkdir()
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'out/link').symlink_to(tmp_path / 'elsewhere')
    return tmp_path / 'out'


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob('*') if path.is_file()]


@pytest.mark.parametrize('name', OUTSIDE)
@pytest.mark.parametrize('target', ['voc', 'yolo'])
def test_no_name_of_an_image_is_written_outside_the_folder(name, target, out):
    image = AnnotatedImage(name.replace('/tmp', str(out.parent)), 20, 10, ())
    with pytest.raises(ValueError, match='outside'):
        WRITERS[target]([image], CLASSES, out)
    assert all(path.name == 'classes.txt' for path in files(out.parent))


@pytest.mark.parametrize('name', ['../evil.png', '/tmp/evil.png', 'link/evil.png'])
def test_the_tools_write_nothing_outside_either(name, out):
    content = dict(
        images=[dict(id=1, file_name=name.replace('/tmp', str(out.parent)), width=20, height=10)],
        annotations=[dict(id=1, image_id=1, category_id=1, bbox=[1, 1, 5, 5])],
        categories=[dict(id=1, name='car')],
    )
    source = out.parent / 'train.json'
    source.write_text(json.dumps(content))
    options = ['--from', 'coco', '--to', 'voc', '--annotations', source, '--images', out, '--out', out]
    for result in (run('boxes_to_masks.py', source, out), run('convert_boxes.py', *options)):
        assert result.returncode == 1 and 'outside' in result.stderr and 'Traceback' not in result.stderr
    assert files(out.parent) == [source]


def test_a_folder_that_is_a_link_may_be_written_into(tmp_path):
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'out').symlink_to(tmp_path / 'disk')
    WRITERS['voc'](IMAGES, CLASSES, tmp_path / 'out')
    assert len(list((tmp_path / 'disk').rglob('*.xml'))) == 3


def test_images_without_annotation_are_background_only_where_that_is_said(folder):
    WRITERS['yolo'](IMAGES, CLASSES, folder / 'yolo')
    (folder / 'yolo/b.txt').unlink()
    options = ['--from', 'yolo', '--to', 'coco', '--annotations', folder / 'yolo', '--images', folder / 'images']
    options += ['--out', folder / 'train.json']
    result = run('convert_boxes.py', *options)
    assert result.returncode == 1 and '1 of 3 images have no annotation' in result.stderr and 'b.png' in result.stderr
    assert '3 images, 1 person' in run('convert_boxes.py', *options, '--unlabelled', 'background').stdout
    assert '2 images, 1 person' in run('convert_boxes.py', *options, '--unlabelled', 'skip').stdout
    assert [image.name for image in READERS['coco'](folder / 'train.json', folder)] == ['a/0.png', 'a/1.png']


@pytest.mark.parametrize(
    'content, words',
    [
        ('[' * 100_000, 'is not JSON'),
        ('{"images": [{}]}', 'lacks'),
        ('{"images": [], "annotations": [], "categories": [3]}', 'is not in COCO format'),
        (bytes([255]), 'is not JSON'),
        (
            '{"images": [{"id": 1, "file_name": "a.png", "width": 5, "height": 5}], "categories": [{"id": 1, "name": '
            '"a"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, NaN, 3, 4]}]}',
            'NaN or infinite',
        ),
    ],
)
def test_malformed_coco_is_one_line(content, words, tmp_path):
    path = tmp_path / 'train.json'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UnusableAnnotation, match=words):
        READERS['coco'](path, tmp_path)
