import json
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.tools_in_process import fail

from mmdefusion.scenes import CLASSES, Scene, SceneGenerator, WrittenScenes, write_scenes

TOOL = Path(__file__).resolve().parents[2] / 'tools/dataset_converters/generate_scenes.py'
PERSON, CAR, CONE = 1, 2, 3


def equal(a, b) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__)


def contrast(image: np.ndarray, mask: np.ndarray, box: np.ndarray, label: int) -> float | None:
    """Mean difference (largest over channels) between an object and a ring of background around it, in gray levels."""
    inside = np.zeros(mask.shape, np.uint8)
    x0, y0, x1, y1 = box.astype(int)
    inside[y0:y1, x0:x1] = mask[y0:y1, x0:x1] == label
    ring = (cv2.dilate(inside, np.ones((9, 9))) > 0) & (cv2.dilate(inside, np.ones((3, 3))) == 0) & (mask == 0)
    if np.count_nonzero(inside) < 40 or np.count_nonzero(ring) < 40:
        return None
    image = image.astype(float).reshape(*mask.shape, -1)
    return float(np.abs(image[inside > 0].mean(0) - image[ring].mean(0)).max())


@pytest.fixture(scope='module')
def scenes() -> list[Scene]:
    """Sixty scenes, by day and by night."""
    return list(map(SceneGenerator(), range(60)))


def contrasts(scenes: Sequence[Scene], label: int, night: bool) -> np.ndarray:
    """Rows of (visible, infrared) contrast of every object of one class in scenes of one time of day."""
    found = []
    for scene in filter(lambda scene: scene.night == night, scenes):
        for box in scene.boxes[scene.labels == label]:
            pair = [contrast(image, scene.mask, box, label) for image in (scene.visible, scene.infrared)]
            if None not in pair:
                found.append(pair)
    return np.array(found)


def test_scene_depends_on_seed_and_index_only():
    first, again = SceneGenerator(seed=3), SceneGenerator(seed=3)
    for index in range(4):
        again(index)
    assert equal(first(5), again(5))
    assert not np.array_equal(first(5).visible, first(6).visible)
    assert not np.array_equal(first(5).visible, SceneGenerator(seed=4)(5).visible)


@pytest.mark.parametrize('size', [(160, 128), (96, 192), (320, 64)])
def test_shapes_and_types(size):
    width, height = size
    scene = SceneGenerator(size)(1)
    assert scene.visible.shape == (height, width, 3) and scene.visible.dtype == np.uint8
    assert scene.infrared.shape == scene.mask.shape == (height, width)
    assert scene.boxes.shape == (len(scene.labels), 4)
    assert set(np.unique(scene.mask)) <= set(range(len(CLASSES) + 1))
    assert isinstance(scene.night, bool)


@pytest.mark.parametrize('size', [(160, 128), (96, 192)])
def test_boxes_are_the_extents_of_the_masks(size):
    width, height = size
    seen = 0
    for scene in map(SceneGenerator(size), range(25)):
        covered = np.zeros_like(scene.mask, dtype=bool)
        for (x0, y0, x1, y1), label in zip(scene.boxes.astype(int), scene.labels, strict=True):
            assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
            inside = scene.mask[y0:y1, x0:x1] == label
            assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()
            covered[y0:y1, x0:x1] |= inside
            seen += 1
        assert np.array_equal(covered, scene.mask > 0)  # no mask without a box
    assert seen > 50


def test_all_classes_by_day_and_by_night(scenes):
    for night in (False, True):
        of_time = [scene for scene in scenes if scene.night == night]
        assert len(of_time) > 15
        assert set(np.concatenate([scene.labels for scene in of_time])) == {PERSON, CAR, CONE}


def test_person_by_night_is_seen_by_infrared_only(scenes):
    visible, infrared = contrasts(scenes, PERSON, night=True).T
    assert len(visible) > 20
    assert np.median(visible) < 6 and np.median(infrared) > 50
    assert (infrared > 25).all()


def test_some_people_by_day_are_dressed_like_the_background(scenes):
    visible, infrared = contrasts(scenes, PERSON, night=False).T
    assert 0.2 < np.mean(visible < 18) < 0.8
    assert np.median(infrared) > 25


@pytest.mark.parametrize('night', [False, True])
def test_cone_is_seen_by_visible_light_only(scenes, night):
    visible, infrared = contrasts(scenes, CONE, night).T
    assert len(visible) > 10
    assert np.median(visible) > 50 and np.median(infrared) < 6


def test_neon_figure_is_a_person_to_infrared_only(scenes):
    """By night some warm, bright shapes without a label glow in visible light."""
    found = 0
    for scene in filter(lambda scene: scene.night, scenes):
        saturated = np.ptp(scene.visible.astype(int), axis=2) > 130
        found += np.count_nonzero((scene.infrared > 150) & saturated & (scene.mask == 0)) > 30
    assert found > 5


def test_16_bit_infrared_is_the_8_bit_one_with_finer_steps():
    coarse, fine = SceneGenerator(bits=8)(2), SceneGenerator(bits=16)(2)
    assert fine.infrared.dtype == np.uint16
    assert np.abs(fine.infrared / 257 - coarse.infrared).max() <= 1
    assert len(np.unique(fine.infrared)) > 256
    assert np.array_equal(fine.visible, coarse.visible) and np.array_equal(fine.mask, coarse.mask)


@pytest.mark.parametrize('arguments', [{'size': (160, 40)}, {'night_share': 1.5}, {'bits': 12}])
def test_wrong_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        SceneGenerator(**arguments)


def test_written_set_is_the_generated_one(tmp_path):
    root = write_scenes(tmp_path / 'scenes', train=3, test=2, seed=7, bits=16)
    scene = SceneGenerator(seed=7, bits=16)(1)
    name = f'000002{"N" if scene.night else "D"}.png'
    read = [cv2.imread(str(root / 'train' / kind / name), cv2.IMREAD_UNCHANGED) for kind in ('vi', 'ir', 'labels')]
    for image, expected in zip(read, (scene.visible, scene.infrared, scene.mask), strict=True):
        assert image.dtype == expected.dtype and np.array_equal(image, expected)
    assert len(list((root / 'test' / 'ir').iterdir())) == 2
    coco = json.loads((root / 'train.json').read_text())
    assert [c['name'] for c in coco['categories']] == list(CLASSES)
    assert coco['images'][1] == dict(id=2, file_name=name, width=160, height=128, night=scene.night)
    boxes = np.array([a['bbox'] for a in coco['annotations'] if a['image_id'] == 2])
    assert np.array_equal(boxes[:, :2] + boxes[:, 2:], scene.boxes[:, 2:])
    assert len({a['id'] for a in coco['annotations']}) == len(coco['annotations'])


def test_finished_set_is_kept_and_another_replaces_it(tmp_path):
    root = write_scenes(tmp_path / 'scenes', train=2, test=1)
    (first,) = (root / 'train' / 'vi').glob('000001?.png')
    before, content = first.stat().st_mtime_ns, first.read_bytes()
    write_scenes(root, train=2, test=1)
    assert first.stat().st_mtime_ns == before
    write_scenes(root, train=1, test=1)
    assert first.read_bytes() == content  # a scene does not depend on how many there are
    assert [path.name for path in (root / 'train' / 'vi').iterdir()] == [first.name]


def test_interrupted_run_leaves_the_old_set_and_the_next_one_finishes(tmp_path, monkeypatch):
    root = write_scenes(tmp_path / 'scenes', train=1, test=1)
    with monkeypatch.context() as patch:
        patch.setattr(cv2, 'imencode', lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write_scenes(root, train=2, test=1)
    assert len(list((root / 'train' / 'vi').iterdir())) == 1
    write_scenes(root, train=2, test=1)
    assert len(list((root / 'train' / 'vi').iterdir())) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ['scenes']


def test_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / 'thesis.tex').write_text('precious')
    with pytest.raises(FileExistsError, match='name a new folder'):
        write_scenes(tmp_path, train=1, test=1)
    assert (tmp_path / 'thesis.tex').read_text() == 'precious'


def test_what_was_put_beside_the_scenes_is_left_alone(tmp_path):
    root = write_scenes(tmp_path / 'scenes', train=1, test=1)
    (root / 'thesis.tex').write_text('precious')
    with pytest.raises(FileExistsError, match='scenes holds thesis.tex, which is no part of generated scenes'):
        write_scenes(root, train=2, test=1)
    assert (root / 'thesis.tex').read_text() == 'precious'


def test_a_torn_stamp_and_a_link(tmp_path, monkeypatch):
    root = write_scenes(tmp_path / 'scenes', train=1, test=1)
    (root / 'scenes.json').write_text('{"version": 3, "tr')
    link = tmp_path / 'link'
    link.symlink_to(root)
    assert write_scenes(link, train=2, test=1) == link and link.is_symlink()
    assert len(list((root / 'train' / 'vi').iterdir())) == 2
    (tmp_path / 'elsewhere').mkdir()  # on another disk, say: nothing can be renamed from here to there
    far = tmp_path / 'elsewhere/link'
    far.symlink_to(root)
    (root / '.DS_Store').touch()
    replace = os.replace

    def same_folder(source, target):
        assert os.path.dirname(source) == os.path.dirname(target)
        replace(source, target)

    monkeypatch.setattr(os, 'replace', same_folder)
    write_scenes(far, train=1, test=1)
    assert len(list((root / 'train' / 'vi').iterdir())) == 1 and [*(tmp_path / 'elsewhere').iterdir()] == [far]


def test_instances_have_the_boxes_and_classes_of_their_objects():
    for index in range(6):
        scene = SceneGenerator((96, 80), seed=2)(index)
        assert ((scene.instances > 0) == (scene.mask > 0)).all()
        for number, (box, label) in enumerate(zip(scene.boxes, scene.labels, strict=True), 1):
            rows, columns = np.nonzero(scene.instances == number)
            assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == box.tolist()
            assert (scene.mask[rows, columns] == label).all()


def test_written_masks_are_read_by_coco(tmp_path):
    masks = pytest.importorskip('pycocotools.mask')
    write_scenes(tmp_path / 'scenes', train=4, test=1, seed=2, size=(96, 80))
    content = json.loads((tmp_path / 'scenes/train.json').read_text())
    assert len(content['annotations']) > 4
    for one in content['annotations']:
        scene = SceneGenerator((96, 80), seed=2)(one['image_id'] - 1)
        ids = [other['id'] for other in content['annotations'] if other['image_id'] == one['image_id']]
        number = 1 + ids.index(one['id'])
        mask = masks.decode(masks.frPyObjects(one['segmentation'], 80, 96))
        assert (mask.astype(bool) == (scene.instances == number)).all() and one['area'] == mask.sum()


def test_wrong_calls_of_the_tool_are_one_line(tmp_path):
    text = fail(TOOL, 'scenes', '--size', '64x48', cwd=tmp_path)
    assert text == 'size=64x48: both sides of a scene must be 64 pixels or more.' and not list(tmp_path.iterdir())
    (tmp_path / 'own').mkdir()
    (tmp_path / 'own/notes.txt').touch()
    assert 'own holds notes.txt, which is no part of generated scenes' in fail(TOOL, 'own', cwd=tmp_path)


@pytest.mark.parametrize(('dark', 'bright'), [(6, 6), (6, 2), (2, 6), (0, 8), (3, 2)])
def test_telling_scenes_of_a_split_with_few_by_night_or_by_day(dark, bright):
    nights = [True] * dark + [False] * bright
    images = [dict(id=number, night=night) for number, night in enumerate(nights)]
    annotations = [dict(image_id=number, category_id=0) for number in range(len(nights)) for _ in range(number % 3)]
    scenes = WrittenScenes(Path(), 'test', dict(images=images, annotations=annotations))
    chosen = scenes.telling(8)
    assert len({image['id'] for image in chosen}) == len(chosen) == min(8, dark + bright)
    assert sum(image['night'] for image in chosen) == min(dark, max(4, 8 - bright))


def test_fewer_than_no_scenes(tmp_path):
    with pytest.raises(ValueError, match='train=-1 and test=0 scenes must be 0 or more'):
        write_scenes(tmp_path / 'scenes', train=-1, test=0)
