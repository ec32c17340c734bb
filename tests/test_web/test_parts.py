"""What the app computes, without a browser and without gradio."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from helpers.layouts import grey, write
from helpers.pretraining import write_fuser

from mmdefusion.apis import FusionInferencer
from mmdefusion.evaluation.baseline import mean_of
from mmdefusion.inference.sizes import to_first_size
from mmdefusion.inference.sources import Item
from mmdefusion.scenes import SceneGenerator
from mmdefusion.web import comparing, fusing, predicting
from mmdefusion.web.comparing import MEAN, OURS, Methods, rank, read_results, score_pair, score_pairs
from mmdefusion.web.examples import example
from mmdefusion.web.predicting import Change, compare_boxes, compare_masks
from mmdefusion.web.settings import Settings
from mmdefusion.web.uploads import read_pair, read_upload

LIMITS = Settings(megabytes=1, pixels=100 * 100)


@pytest.fixture(scope='module')
def weights(tmp_path_factory) -> str:
    return write_fuser(tmp_path_factory.mktemp('weights') / 'fuser.pth')


@pytest.fixture(scope='module')
def fuser(weights) -> FusionInferencer:
    return fusing.open_fuser(weights, 'cpu', 'ivf', None, 'residual', None)


def test_sixteen_bits_stay_sixteen_bits(tmp_path):
    counts = grey(0, 60, 50).astype(np.uint16) * 40 + 7000
    assert (read_upload(write(tmp_path / 'ir.png', counts), 'infrared image', LIMITS) == counts).all()


@pytest.mark.parametrize(
    ('name', 'content', 'said'),
    [
        ('none', None, 'The visible image is missing'),
        ('text.png', b'no image', 'text.png is not an image'),
        ('big.png', bytes(2**20 + 1), 'big.png has 1.0 MB, and 1 MB are allowed'),
        ('many.png', (101, 100), 'many.png is 100x101 and takes 0.0 million pixels'),
        ('few.png', (47, 50), 'few.png is 50x47: 48 pixels a side is the least'),
    ],
)
def test_uploads_are_refused_by_name(tmp_path, name, content, said):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        write(path, grey(0, *content))
    with pytest.raises(ValueError, match=said) as caught:
        read_upload(content and str(path), 'visible image', LIMITS)
    assert '\n' not in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_unequal_sizes_are_an_error_or_are_resized(tmp_path):
    paths = [write(tmp_path / f'{k}.png', grey(k, *size)) for k, size in enumerate([(60, 80), (50, 70)])]
    with pytest.raises(ValueError, match='the images are 80x60 and 70x50: align them, or tick'):
        read_pair(*paths, False, LIMITS)
    assert {image.shape for image in read_pair(*paths, True, LIMITS)} == {(60, 80)}


def test_uploads_of_degrees_are_read_as_files_are(tmp_path):
    degrees = (grey(1, 60, 80) / 8 - 5).astype(np.float32)
    paths = write(tmp_path / 'vi.png', grey(0, 60, 80)), write(tmp_path / 'ir.tiff', degrees)
    for reading in ({}, dict(thermal_range=(0.0, 20.0)), dict(percentiles=(0.0, 100.0))):
        pairs = read_pair(*paths, False, LIMITS, reading), paths
        uploaded, files = (Item('pair', pair).read(**reading)[1] for pair in pairs)
        assert (uploaded == files).all() and files.std() > 20
    with pytest.raises(ValueError, match='outside 0 to 1'):  # an exposure
        Item('pair', read_pair(*paths, False, LIMITS, dict(thermal=False))).read(thermal=False)


@pytest.mark.parametrize('dtype', ['uint16', 'float32'])
def test_infrared_uploads_are_scaled_before_they_are_resized(dtype, tmp_path):
    counts = grey(1, 60, 80).astype(dtype)
    counts[::15, ::15] = 60_000  # beyond the percentiles: the mean with its neighbours would still be far from them
    paths = write(tmp_path / 'vi.png', grey(0, 50, 60)), write(tmp_path / 'ir.tiff', counts)
    resized = to_first_size(Item('pair', paths).read(), 'pair', resize=True)
    uploaded = Item('pair', read_pair(*paths, True, LIMITS)).read()
    assert (uploaded[1] == resized[1]).all() and resized[1].std() > 20


@pytest.mark.parametrize('dtype', ['int8', 'int32'])
def test_numbers_that_are_no_image_are_refused_before_they_are_resized(dtype, tmp_path):
    paths = [str(tmp_path / f'{side}.tiff') for side in (60, 80)]
    for side, path in zip((60, 80), paths, strict=True):
        cv2.imwrite(path, np.zeros((side, side), dtype))
    with pytest.raises(ValueError, match=f'60.tiff has dtype {dtype}; convert it to uint8'):
        read_pair(*paths, True, LIMITS)


@pytest.mark.parametrize('task', fusing.NAMES)
def test_a_pair_is_shown_with_parts_heat_maps_and_metrics(weights, task):
    pair = example(task, 0, 'small')
    shown = fusing.show(pair, fusing.open_fuser(weights, 'cpu', task, None, 'residual', None), task)
    assert shown.fused.shape == (128, 160, 3) and len(shown.pictures) == 8
    assert all(picture.shape[:2] == (128, 160) and picture.std() > 1 for picture in shown.pictures.values())
    (alone,) = FusionInferencer(weights, task=task, device='cpu', show_progress=False)(*([image] for image in pair))
    assert (shown.fused[..., ::-1] == alone.images['fused']).all()
    rows = {row[0].split()[0]: row[1:] for row in shown.scores.rows}
    assert all(sum(cell.startswith('**') for cell in row) >= 1 for row in rows.values())
    metric = 'Rmse' if task == 'ivf' else 'MEF_SSIM'
    assert all(0 < float(cell.strip('*')) <= 1 for cell in rows[metric])


def street_by_night() -> tuple[np.ndarray, np.ndarray]:
    infrared = np.full((120, 160), 40, np.uint8)
    infrared[50:] = 90
    for left in (30, 75, 125):
        infrared[55:90, left : left + 10] = 220
    return cv2.cvtColor(grey(0, 120, 160), cv2.COLOR_GRAY2BGR), cv2.cvtColor(infrared, cv2.COLOR_GRAY2BGR)


TURNED = [lambda image: 255 - image, lambda image: cv2.applyColorMap(image, cv2.COLORMAP_JET)]


@pytest.mark.parametrize('turn', TURNED, ids=['black-hot', 'false colours'])
def test_an_infrared_image_is_shown_and_scored_as_it_was_fused(fuser, turn):
    visible, infrared = street_by_night()
    expected, shown = (fusing.show((visible, second), fuser, 'ivf') for second in (infrared, turn(infrared)))
    assert (shown.sources[1] == infrared).all() and (shown.fused == expected.fused).all()
    assert shown.scores.rows == expected.scores.rows
    assert all((image == expected.pictures[name]).all() for name, image in shown.pictures.items())


@pytest.mark.parametrize('turn', TURNED, ids=['black-hot', 'false colours'])
def test_methods_are_scored_against_the_infrared_image_as_it_was_fused(fuser, turn, tmp_path):
    visible, infrared = street_by_night()
    answers = []
    for place, second in (('plain', infrared), ('turned', turn(infrared))):
        for folder, image in (('vi', visible), ('ir', second), ('fused/maximum', np.maximum(visible, infrared))):
            write(tmp_path / place / folder / '0.png', image)
        pair, others = Methods.read(tmp_path / place).load('0')
        assert (pair[1] == infrared).all()
        answers.append(score_pair(pair, others, fuser))
    (expected, wanted), (images, rows) = answers
    assert rows == wanted and all((image == expected[name]).all() for name, image in images.items())


def test_the_better_number_is_bold_whichever_way_is_better():
    one, other = (cv2.cvtColor(grey(k, 64, 64), cv2.COLOR_GRAY2BGR) for k in range(2))
    table = fusing.score({'mean': mean_of(one, other), 'dark': one // 8}, (one, other), 'ivf')
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows['Rmse ↓'][0].startswith('**') and rows['Ssim ↑'][0].startswith('**')
    assert not rows['Rmse ↓'][1].startswith('**')


def test_the_share_of_a_source_is_red_where_it_is_followed():
    image, share = np.full((4, 4, 3), 128, np.uint8), np.zeros((4, 4), np.uint8)
    share[:2] = 255
    drawn = fusing.draw_share(image, share)
    assert drawn[0, 0, 2] > drawn[0, 0, 0] and drawn[3, 3, 0] > drawn[3, 3, 2]


def test_large_images_are_shrunk_for_their_attention(fuser):
    pair = [cv2.cvtColor(grey(k, 500, 900), cv2.COLOR_GRAY2BGR) for k in range(2)]
    drawn = fusing.draw_attention(fuser, *pair)
    assert {image.shape[1] for image in drawn.values()} == {fusing.ATTENTION_SIDE} and len(drawn) == 4


def test_changes_of_a_pair():
    pair = example('ivf', 0, 'small')
    assert all((a == b).all() for a, b in zip(Change().apply(pair), pair, strict=True))
    visible, infrared = Change('visible only').apply(pair)
    assert (visible == pair[0]).all() and not infrared.any()
    assert not Change('infrared only').apply(pair)[0].any()
    moved = Change(right=5, down=-3).apply(pair)[1]
    assert (moved[:-3, 5:] == pair[1][3:, :-5]).all()
    with pytest.raises(ValueError, match="sensor='none' is none of both, visible only, infrared only"):
        Change('none')


class Hot:
    """A segmenter that gives the brightness of the infrared image as classes."""

    reading = dict(percentiles=(0.0, 100.0))
    model = SimpleNamespace(
        dataset_meta=dict(classes=[str(k) for k in range(256)], palette=[(k, k, k) for k in range(256)])
    )

    def __call__(self, visible: list, infrared: list) -> dict:
        return dict(predictions=[infrared[0][..., 0].astype(int)])


def test_a_model_s_own_scaling_of_counts_is_kept():
    counts = np.arange(48 * 50, dtype=np.uint16).reshape(48, 50)
    _, table = predicting.predict((np.zeros((48, 50, 3), np.uint8), counts), Change(), Hot(), 0.3)
    lowest = 100 * (counts < counts.max() / 510).mean()  # with the percentiles 1 and 99, more counts would be black
    assert table.rows[0] == ['0', pytest.approx(lowest), pytest.approx(lowest), 100]


def test_labels_of_any_class_are_drawn():
    meta = dict(classes=[str(k) for k in range(300)], palette=[(0, 0, 0)] * 299 + [(255, 0, 0)])
    black = np.zeros((48, 480, 3), np.uint8)
    drawn = predicting.draw((black, black), np.full((48, 480), 299), meta, 0.3)
    assert (drawn[..., 0] > 100).mean() > 0.9


def test_objects_that_are_kept_lost_and_new_are_counted():
    whole = dict(bboxes=[[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]], labels=[0, 0, 1], scores=[0.9, 0.8, 0.7])
    changed = dict(bboxes=[[1, 0, 11, 10], [60, 0, 70, 10], [40, 0, 50, 10]], labels=[0, 0, 1], scores=[0.9, 0.8, 0.2])
    rows = compare_boxes(whole, changed, ('person', 'car'), 0.3).rows
    assert rows == [['person', '2', '1', '1', '1'], ['car', '1', '0', '1', '0']]


def test_classes_without_colours_are_drawn():
    found = dict(bboxes=[[8, 8, 24, 24]], labels=[1], scores=[0.9])
    black = np.zeros((48, 64, 3), np.uint8)
    for meta in (dict(classes=('person', 'car')), dict(classes=('person', 'car'), palette='random')):
        assert predicting.draw((black, black), found, meta, 0.3).any()


def test_a_box_is_matched_once():
    box = np.array([[0, 0, 10, 10]], float)
    near = box + np.array([1, 0, 1, 0])
    assert predicting.count_matches(np.concatenate([box, near]), box) == 1
    assert predicting.count_matches(np.concatenate([box, near]), np.concatenate([near, box])) == 2
    assert predicting.count_matches(box, box[:0]) == predicting.count_matches(box[:0], box) == 0


def test_pixels_that_are_kept_are_counted():
    whole, changed = np.zeros((2, 10, 10), int)
    whole[:5], changed[:2] = 1, 1
    (ground, person, cone) = compare_masks(whole, changed, ('ground', 'person', 'cone')).rows
    assert person == ['person', 50.0, 20.0, 40.0] and ground == ['ground', 50.0, 80.0, 100.0] and cone[-1] is None


@pytest.fixture(scope='module')
def methods(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('methods')
    for number in range(3):
        visible, infrared = example('ivf', number, 'small')
        fused = {'maximum': np.maximum(visible, infrared[..., None]), 'dark': visible // 8}
        images = {'vi': visible, 'ir': infrared} | {f'fused/{name}': image for name, image in fused.items()}
        for place, image in images.items():
            write(folder / place / f'{number}.png', image)
    write(folder / 'fused/unfinished/0.png', visible)
    return folder


def test_methods_of_a_folder_are_ranked_beside_ours(methods, fuser):
    with pytest.warns(UserWarning, match=r'unfinished has no image of 2 of 3 pairs \(1, 2\): the method is left out'):
        found = Methods.read(methods)
    assert found.names == ('dark', 'maximum') and sorted(found.files) == ['0', '1', '2']
    done: list[int] = []
    rows, caption = score_pairs(found, ['0', '2'], fuser, done.append)
    assert done == [0, 1] and set(rows) == {OURS, MEAN, 'maximum', 'dark'}
    alone = [score_pair(*found.load(name), fuser)[1]['maximum']['Ssim'] for name in ('0', '2')]
    assert rows['maximum']['Ssim'] == pytest.approx(sum(alone) / 2)
    table = rank(rows, caption)
    assert caption == 'Means over 2 pairs.' and table.markdown().startswith(f'{caption}\n\n|')
    assert table.header[-1] == 'dark' and len(table.rows) == 14
    assert float(table.rows[0][1]) < float(table.rows[0][-1])
    (ssim,) = [row for row in table.rows if row[0] == 'Ssim ↑']
    assert sum(cell.startswith('**') for cell in ssim) == 1 and not ssim[-1].startswith('**')
    with pytest.raises(ValueError, match=r'There is no pair \.\./0'):
        found.load('../0')


def test_pairs_that_a_mean_leaves_out_are_counted(fuser, tmp_path):
    for seed, place in enumerate(('vi', 'ir', 'fused/<b>')):
        for name in ('0', '1', '2'):
            write(tmp_path / place / f'{name}.png', grey(9 if name == '1' else seed, 60, 60))
    with pytest.warns(UserWarning, match=r'Psnr is infinite for 1 image\(s\) \(1\)'):
        _, caption = score_pairs(Methods.read(tmp_path), ['0', '1', '2'], fuser, lambda _: None)
    left = ', '.join(f'Psnr of {method} in 1' for method in (OURS, MEAN, '&lt;b>'))
    assert caption == f'Means over 3 pairs. Left out where they are not finite: {left}.'


def test_a_folder_without_methods_is_refused(tmp_path):
    for place in ('vi', 'ir'):
        write(tmp_path / place / '0.png', grey(0, 60, 60))
    with pytest.raises(ValueError, match='has no folder METHOD/ with an image of every pair'):
        Methods.read(tmp_path)


def test_uploaded_results_are_bounded(tmp_path):
    files = [write(tmp_path / f'{k}.png', grey(k, 60, 80)) for k in range(2)]
    assert set(read_results(files, (60, 80), LIMITS)) == {'0', '1'}
    for given, said in (
        ([], '0 fused images: give 1 to 8'),
        (files * 5, '10 fused images'),
        ([files[0]] * 2, 'Two images are called 0'),
    ):
        with pytest.raises(ValueError, match=said):
            read_results(given, (60, 80), LIMITS)
    with pytest.raises(ValueError, match='0 is 80x60, and the pair is 70x60'):
        read_results(files, (60, 70), LIMITS)


def test_settings_are_checked():
    with pytest.raises(ValueError, match='pixels=10 must be 2304 or more'):
        Settings(pixels=10)


def test_without_toolboxes_the_model_says_so(monkeypatch):
    monkeypatch.setattr(predicting, 'installed', lambda package: False)
    with pytest.raises(ValueError, match='need the toolboxes'):
        predicting.chosen_model(Settings())


def test_names_of_ours_are_taken(tmp_path):
    with pytest.raises(ValueError, match=f'called {comparing.OURS}'):
        read_results([write(tmp_path / f'{comparing.OURS}.png', grey(0, 60, 80))], (60, 80), LIMITS)


def test_the_package_s_detector_finds_what_it_was_trained_on_and_misses_it_without_a_sensor():
    pytest.importorskip('mmdet')
    config, checkpoint = predicting.chosen_model(Settings())
    assert Path(checkpoint).stat().st_size < 6e6
    model = predicting.open_model(config, checkpoint, 'cpu')
    labelled = found = lost = 0
    for number in range(4):
        scene = SceneGenerator((160, 128))(1_000_000 + number)
        drawings, table = predicting.predict((scene.visible, scene.infrared), Change('visible only'), model, 0.3)
        assert drawings[0].shape[1] > 2 * 160 and (drawings[0] != drawings[1]).any()
        labelled += len(scene.labels)
        found += sum(int(row[1]) for row in table.rows)
        lost += sum(int(row[3]) for row in table.rows)
    assert labelled / 2 < found < 2 * labelled and lost > found / 4
