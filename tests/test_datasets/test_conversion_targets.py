"""Converters refuse what they would write over each other, or what could not be read again, before the first file."""

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdefusion.datasets.annotation_files import UnusableAnnotation
from mmdefusion.datasets.conversion import READERS, WRITERS, AnnotatedImage, Box

CONVERTERS = Path(__file__).resolve().parents[2] / 'tools/dataset_converters'
SUFFIXES = {'voc': '.xml', 'yolo': '.txt'}


def tool(name: str):
    """A tool as a module."""
    spec = importlib.util.spec_from_file_location(name, CONVERTERS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def images(*names: str, label: str = 'car') -> list[AnnotatedImage]:
    return [AnnotatedImage(name, 80, 60, (Box(label, 1, 2, 11, 30),)) for name in names]


def coco(path: Path, names: list[str], categories: list[dict]) -> Path:
    listed = [dict(id=number, file_name=name, width=20, height=10) for number, name in enumerate(names)]
    boxes = [dict(id=number, image_id=number, category_id=1, bbox=[1, 1, 5, 5]) for number in range(len(names))]
    path.write_text(json.dumps(dict(images=listed, annotations=boxes, categories=categories)))
    return path


def written(folder: Path) -> list[Path]:
    return [path for path in folder.rglob('*') if path.is_file()]


TWICE = [('a.jpg', 'a.png'), ('b.png', 'b.png'), ('x/a.png', 'x//a.jpg'), ('real/a.png', 'link/a.png')]


@pytest.mark.parametrize('names', TWICE)
@pytest.mark.parametrize('target', [*SUFFIXES, 'masks'])
def test_two_images_are_not_written_to_one_file(names, target, tmp_path):
    out = tmp_path / 'out'
    (out / 'real').mkdir(parents=True)
    (out / 'link').symlink_to(out / 'real')
    with pytest.raises(ValueError, match=rf"'{names[0]}' and '{names[1]}' would both be written to .*: rename one"):
        if target == 'masks':
            source = coco(tmp_path / 'train.json', ['0.png', *names], [dict(id=1, name='car')])
            tool('boxes_to_masks').convert(source, out)
        else:
            WRITERS[target](images('0.png', *names), ['car'], out)
    assert not written(out)


@pytest.mark.parametrize('target', SUFFIXES)
def test_equal_names_in_other_folders_are_other_files(target, tmp_path):
    WRITERS[target](images('a.png', 'x/a.png', 'x/b.png'), ['car'], tmp_path / 'out')
    assert len(list((tmp_path / 'out').rglob(f'*{SUFFIXES[target]}'))) == 3 + (target == 'yolo')


def test_an_image_does_not_take_the_place_of_the_classes(tmp_path):
    with pytest.raises(ValueError, match="'classes.txt' and 'classes.png' would both be written to"):
        WRITERS['yolo'](images('classes.png'), ['car'], tmp_path / 'out')
    WRITERS['yolo'](images('x/classes.png'), ['car'], tmp_path / 'out')
    assert (tmp_path / 'out/classes.txt').read_text() == 'car'


@pytest.mark.parametrize('label', ['car\nbus', 'car\r', 'car\x01', 'car\x85', 'car\ud800', 'car\uffff'])
@pytest.mark.parametrize('target', SUFFIXES)
def test_names_of_classes_come_back_or_are_refused(label, target, tmp_path):
    for labels, classes in ((label, [label]), ('car', ['car', label])):
        with pytest.raises(ValueError, match='the name .* has control characters or surrogates; rename it') as caught:
            WRITERS[target](images('a.png', label=labels), classes, tmp_path / 'out')
        assert str(caught.value).isprintable()
    with pytest.raises(UnusableAnnotation, match=r'train\.json is not in COCO format: the name .* has control'):
        READERS['coco'](coco(tmp_path / 'train.json', ['a.png'], [dict(id=1, name=label)]), tmp_path)
    with pytest.raises(UnusableAnnotation, match=r'train\.json is not in COCO format: the name .* has control'):
        READERS['coco'](coco(tmp_path / 'train.json', [f'{label}.png'], [dict(id=1, name='car')]), tmp_path)
    assert written(tmp_path) == [tmp_path / 'train.json']


@pytest.mark.parametrize('target', SUFFIXES)
def test_names_of_any_script_are_read_again(target, tmp_path):
    label = 'traffic light / 信号灯 \N{MAN}\u200d\N{PERSONAL COMPUTER}'
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((60, 80, 3), np.uint8))
    WRITERS[target](images('a.png', label=label), [label], tmp_path / 'out')
    (image,) = READERS[target](tmp_path / 'out', tmp_path)
    assert [box.label for box in image.boxes] == [label]


def test_two_categories_of_one_id_are_refused(tmp_path):
    categories = [dict(id=1, name='car'), dict(id=1, name='person')]
    source = coco(tmp_path / 'train.json', ['a.png'], categories)
    with pytest.raises(UnusableAnnotation, match=r'train\.json is not in COCO format: two categories have one id'):
        READERS['coco'](source, tmp_path)
    pytest.importorskip('mmdet')
    from mmdefusion.datasets.detection.paired_coco import OrderedCOCO

    with pytest.raises(UnusableAnnotation, match=r'train\.json has two categories of one id; give each its own'):
        OrderedCOCO(str(source))


@pytest.mark.parametrize('direction', ['split', 'join'])
@pytest.mark.parametrize('folders', [('x', 'x', 'y'), ('x', 'y', 'x'), ('y', 'x', 'x'), ('x', 'y/../x', 'z')])
def test_the_three_folders_of_mfnet_are_three(direction, folders, tmp_path, monkeypatch):
    (tmp_path / 'y').mkdir()
    source = tmp_path / 'x/a.png'
    source.parent.mkdir()
    cv2.imwrite(str(source), np.full((8, 8, 4), 77, np.uint8))
    before = source.read_bytes()
    monkeypatch.setattr('sys.argv', ['mfnet_pairs.py', direction, *(str(tmp_path / folder) for folder in folders)])
    with pytest.raises(SystemExit, match='are one folder, whose images would be overwritten: name three'):
        tool('mfnet_pairs').main()
    assert written(tmp_path) == [source] and source.read_bytes() == before
