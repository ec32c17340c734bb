import json
import unicodedata

import numpy as np
import pytest
from helpers.layouts import write, write_xml

from mmdefusion.datasets.conversion import Box
from mmdefusion.evaluation.labelled_targets import check_names, measure_targets, read_boxes

CAR, PERSON = (10, 20, 50, 40), (90, 10, 102, 40)
BOXES = (Box('car', *CAR),)


def scene(car: int, person: int) -> np.ndarray:
    image = np.full((64, 128), 60, np.uint8)
    for (left, top, right, bottom), level in ((CAR, car), (PERSON, person)):
        image[top:bottom, left:right] = level
    return image


def write_scene(root, fused: np.ndarray) -> dict[str, tuple[str, str, str]]:
    images = {'vi': scene(160, 60), 'ir': scene(60, 180), 'fused': fused}
    return {'a/0': tuple(write(root / name / 'a/0.png', image) for name, image in images.items())}


def write_coco(path) -> None:
    names = ['car', 'person', 'person']
    corners = [CAR, PERSON, (5, 45, 30, 60)]
    content = dict(
        images=[dict(id=7, file_name='a/0.png', width=128, height=64)],
        categories=[dict(id=1, name='car'), dict(id=2, name='person')],
        annotations=[
            dict(id=k, image_id=7, category_id=1 + (name == 'person'), bbox=[x0, y0, x1 - x0, y1 - y0], iscrowd=k == 2)
            for k, (name, (x0, y0, x1, y1)) in enumerate(zip(names, corners, strict=True))
        ],
    )
    path.write_text(json.dumps(content))


@pytest.mark.parametrize('form', ['coco', 'voc'])
def test_objects_by_class(tmp_path, form):
    triples = write_scene(tmp_path, scene(110, 180))
    annotations = tmp_path / ('boxes.json' if form == 'coco' else 'boxes')
    if form == 'coco':
        write_coco(annotations)
    else:
        corners = {name: tuple(c + 1 for c in box) for name, box in (('car', CAR), ('person', PERSON))}
        write_xml(annotations / 'a/0.xml', list(corners.items()))
    boxes = read_boxes(annotations, tmp_path / 'vi')
    found = measure_targets(triples, boxes)
    kept = {label: [one.contrast for one in objects] for label, objects in found.items()}
    assert kept == {'car': [pytest.approx(0.5)], 'person': [pytest.approx(1.0)]}


@pytest.mark.parametrize('form', ['NFC', 'NFD'])
def test_names_are_known_in_both_forms_of_unicode(tmp_path, form):
    """Images of archives made on macOS have the other form than the annotations: they were left out."""
    other = {'NFC': 'NFD', 'NFD': 'NFC'}[form]
    image = dict(id=7, file_name=unicodedata.normalize(form, 'Zürich_é.png'), width=128, height=64)
    car = dict(id=1, image_id=7, category_id=1, bbox=[10, 20, 40, 20], iscrowd=0)
    content = dict(images=[image], categories=[dict(id=1, name='car')], annotations=[car])
    (tmp_path / 'boxes.json').write_text(json.dumps(content))
    boxes = read_boxes(tmp_path / 'boxes.json', tmp_path / 'vi', unicodedata.normalize(other, '_é'))
    images = {'vi': scene(160, 60), 'ir': scene(60, 180), 'fused': scene(110, 180)}
    paths = tuple(write(tmp_path / kind / 'a.png', image) for kind, image in images.items())
    name = unicodedata.normalize(other, 'Zürich')
    check_names(boxes, [name])
    assert name in boxes and boxes.get(name) == boxes[name]
    assert list(measure_targets({name: paths}, boxes)) == ['car']


def test_what_cannot_be_measured_is_named(tmp_path):
    triples = write_scene(tmp_path, scene(110, 180))
    with pytest.raises(FileNotFoundError, match=r'none\.json are not there'):
        read_boxes(tmp_path / 'none.json', tmp_path / 'vi')
    for content in ('[]', '{"images": []}', 'no json'):
        (tmp_path / 'boxes.json').write_text(content)
        with pytest.raises(ValueError, match=r'boxes\.json holds no boxes'):
            read_boxes(tmp_path / 'boxes.json', tmp_path / 'vi')
    with pytest.raises(ValueError, match='b/1 against a/0'):
        check_names({'a/0': (), 'b/1': BOXES}, triples)
    with pytest.raises(ValueError, match='none of the images: there are none'):
        check_names({'a/0': ()}, triples)
    check_names({'b/1': (), 'a/0': BOXES}, triples)
    write(tmp_path / 'fused/a/0.png', scene(1, 1)[:50])
    with pytest.raises(ValueError, match=r'fused/a/0\.png: The images differ in size'):
        measure_targets(triples, {'a/0': ()})
