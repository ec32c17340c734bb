"""The runtime: same call as the inferencers of PyTorch, without torch."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.toy_onnx import write_toy

from mmdefusion.apis import NotAllDone
from mmdefusion.deployment import OnnxDetector, OnnxFuser, OnnxSegmenter, read_metadata
from mmdefusion.deployment.masks import encode
from mmdefusion.inference import sources
from mmdefusion.inference.sources import Item
from mmdefusion.utils.image_io import read_image, to_uint8

ABSENT = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmdet', 'mmseg', 'onnx')
WITHOUT_TORCH = f"""
import sys
import warnings
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {ABSENT}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
sys.meta_path.insert(0, Absent())
sys.argv = ['mmdefusion', *sys.argv[1:]]
"""


@pytest.fixture
def pair(tmp_path) -> tuple[Path, Path]:
    """Two files of 60×41 pixels; the right half of the infrared one is hot."""
    visible = np.random.default_rng(0).integers(0, 256, (41, 60, 3), np.uint8)
    infrared = np.zeros((41, 60), np.uint8)
    infrared[:, 30:] = 200
    files = tmp_path / 'vi.png', tmp_path / 'ir.png'
    for file, image in zip(files, (visible, infrared), strict=True):
        cv2.imwrite(str(file), image)
    return files


def test_fuses_files_of_any_size(tmp_path, pair):
    fuser = OnnxFuser(write_toy(tmp_path / 'toy.onnx', 'fuse'), colour='rgb', detail=None, show_progress=False)
    (result,) = fuser(*pair, outputs=('fused', 'common', 'panel'))
    visible, infrared = (cv2.imread(str(file)).astype(float) for file in pair)
    assert np.abs(result.images['fused'] - (visible + infrared) / 2).max() <= 1
    assert np.abs(result.images['common'] - np.minimum(visible, infrared)).max() <= 1
    (written,) = fuser(*pair, out_dir=tmp_path / 'out')
    assert written.name == 'vi.png' and (cv2.imread(str(written)) == result.images['fused']).all()


def test_windows_of_a_file_of_one_size(tmp_path):
    fuser = OnnxFuser(write_toy(tmp_path / 'toy.onnx', 'fuse', size=(32, 48)), detail=None, colour='rgb')
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
    assert np.abs(fuser.fuse([image, image]).images['fused'].astype(int) - image).max() <= 1
    with pytest.raises(ValueError, match='takes images of 48x32 only: leave out network_pixels'):
        OnnxFuser(tmp_path / 'toy.onnx', network_pixels=1000)
    with pytest.raises(ValueError, match='takes images of 48x32 only: leave out overlap, size'):
        OnnxFuser(tmp_path / 'toy.onnx', sliding_window=dict(size=64, overlap=8, batch_size=2))
    with pytest.raises(ValueError, match='takes images of 48x32, these are 32x32'):
        fuser.fuse([image[:20, :30], image[:20, :30]])


def test_a_pair_of_another_size_does_not_stop_the_others(tmp_path):
    segmenter = OnnxSegmenter(write_toy(tmp_path / 's.onnx', 'segment', size=(32, 48)), show_progress=False)
    for name in ('vi', 'ir'):
        (tmp_path / name).mkdir()
        for number, width in enumerate((48, 40, 48)):
            cv2.imwrite(str(tmp_path / name / f'{number}.png'), np.zeros((32, width), np.uint8))
    with pytest.raises(NotAllDone, match=r'takes images of 48x32, those of 1 are 40x32: resize them'):
        segmenter(tmp_path / 'vi', tmp_path / 'ir', out_dir=tmp_path / 'out')
    assert sorted(file.name for file in (tmp_path / 'out/vis').iterdir()) == ['0.png', '2.png']


def test_an_image_with_itself_keeps_its_colours(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    fused = OnnxFuser(write_toy(tmp_path / 'toy.onnx', 'fuse')).fuse([image, image]).images['fused']
    assert np.abs(fused.astype(int) - image).max() <= 1


def test_numbers_of_the_rule_of_detail(tmp_path, pair):
    file = write_toy(tmp_path / 'toy.onnx', 'fuse')
    usual, strong = (OnnxFuser(file, detail=detail).fuse(pair).images['fused'] for detail in ('residual', {'boost': 4}))
    assert strong.std() > usual.std()


def test_one_image_needs_no_network(tmp_path, monkeypatch):
    fuser = OnnxFuser(write_toy(tmp_path / 'toy.onnx', 'fuse'), show_progress=False)
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    parts = fuser.fuse([image], parts=True).images
    assert (parts['fused'] == image).all() and (parts['common'][..., None] <= image.max(2, keepdims=True)).all()
    monkeypatch.setattr(fuser, 'network', None)
    assert (fuser.fuse([image]).images['fused'] == image).all()


def test_detects_and_segments(tmp_path, pair):
    detector = OnnxDetector(write_toy(tmp_path / 'det.onnx', 'detect', scale=(120, 120)))
    found = detector(*pair, out_dir=tmp_path / 'out', return_vis=True)
    assert found['predictions'] == [dict(bboxes=[[1.0, 1.5, 6.0, 10.0]], scores=[pytest.approx(0.9)], labels=[1])]
    written = json.loads((tmp_path / 'out/preds/vi.json').read_text())
    assert written['classes'] == ['person', 'car'] and written['labels'] == [1]
    assert found['visualization'][0].shape == cv2.imread(str(tmp_path / 'out/vis/vi.png')).shape
    segmenter = OnnxSegmenter(write_toy(tmp_path / 'seg.onnx', 'segment'), write_toy(tmp_path / 'f.onnx', 'fuse'))
    found = segmenter(*pair)
    (mask,) = found['predictions']
    assert mask.shape == (41, 60) and mask[:, 30:].all() and not mask[:, :30].any()
    shown = segmenter(*pair, return_vis=True)['visualization'][0]
    assert shown.shape[1] > 3 * 60  # visible, infrared and fused side by side


@pytest.mark.parametrize(('classes', 'bits'), [(256, np.uint8), (300, np.uint16)])
def test_labels_of_any_class_are_written(tmp_path, classes, bits):
    fields = dict(classes=tuple(map(str, range(classes))), palette=((1, 2, 3),) * classes)
    segmenter = OnnxSegmenter(write_toy(tmp_path / 'seg.onnx', 'segment', **fields))
    labels = np.arange(classes).reshape(4, -1)
    segmenter.save(labels, tmp_path / 'labels.png')
    written = cv2.imread(str(tmp_path / 'labels.png'), cv2.IMREAD_UNCHANGED)
    assert written.dtype == bits and (written == labels).all()


def test_an_exported_file_takes_a_part_of_a_series_and_then_the_rest(tmp_path, pair):
    detector = OnnxDetector(write_toy(tmp_path / 'det.onnx', 'detect', scale=(120, 120)), show_progress=False)
    options = dict(out_dir=tmp_path / 'out', keep=False, resume=True)
    assert [detector(*pair, shard=shard, **options)['count'] for shard in ('2/2', '1/2', None)] == [0, 1, 0]


def test_masks_are_pasted_and_drawn(tmp_path, pair):
    detector = OnnxDetector(write_toy(tmp_path / 'det.onnx', 'detect', masks=True), show_progress=False)
    found = detector(*pair, out_dir=tmp_path / 'out', return_vis=True)
    (mask,) = found['predictions'][0]['masks']
    whole = np.zeros((41, 60), bool)
    whole[3:12, 2:12] = True  # the upper half of rows 3 to 20; the pixel in the middle is half sure
    whole[np.ix_([3, 11], [2, 11])] = False  # corners are less sure
    assert mask == encode(whole)
    written = json.loads((tmp_path / 'out/preds/vi.json').read_text())
    assert written['masks'] == [mask] and written['bboxes'] == [[2.0, 3.0, 12.0, 20.0]]
    without = OnnxDetector(write_toy(tmp_path / 'boxes.onnx', 'detect'), show_progress=False)
    plain = without(*pair, return_vis=True)['visualization'][0]
    changed = (found['visualization'][0] != plain).any(2)
    assert 0.8 < changed.sum() / (2 * 8 * 8) < 1.3  # inside the lines of the box, on both images


def test_a_broken_pair_does_not_stop_the_others(tmp_path, pair):
    segmenter = OnnxSegmenter(write_toy(tmp_path / 'seg.onnx', 'segment'), show_progress=False)
    (tmp_path / 'broken.png').write_bytes(b'no image')
    sources = [str(pair[0]), str(tmp_path / 'broken.png')], [str(pair[1]), str(pair[1])]
    with pytest.raises(NotAllDone, match='broken.png is not an image') as error:
        segmenter(*sources, batch_size=2)
    assert len(error.value.results['predictions']) == 1


@pytest.mark.parametrize(
    'fields', [dict(percentiles=(0.0, 100.0)), dict(thermal_range=(900.0, 3000.0)), dict(infrared_channels=3)], ids=str
)
def test_arrays_are_scaled_as_files_are_and_once(tmp_path, pair, fields, monkeypatch):
    segmenter = OnnxSegmenter(write_toy(tmp_path / 'seg.onnx', 'segment', **fields), show_progress=False)
    counts = (np.arange(41 * 60).reshape(41, 60) + 800).astype(np.uint16)
    cv2.imwrite(str(pair[1]), counts)
    files, arrays = Item('files', pair), Item('arrays', (cv2.imread(str(pair[0])), counts))
    wanted = read_image(
        str(pair[1]),
        fields.get('infrared_channels', 1),
        fields.get('percentiles', (1.0, 99.0)),
        fields.get('thermal_range'),
    )
    scaled = []
    monkeypatch.setattr(sources, 'to_uint8', lambda image, *a, **o: (scaled.append(1), to_uint8(image, *a, **o))[1])
    for item in (files, arrays):
        assert (segmenter.load(item, resize=False)[1] == wanted).all()
    assert len(scaled) == 4  # two files and two arrays


def test_pairs_of_one_name_are_not_lost(tmp_path, pair):
    segmenter = OnnxSegmenter(write_toy(tmp_path / 'seg.onnx', 'segment'), show_progress=False)
    visible, hot = str(pair[0]), str(tmp_path / 'hot.png')
    cv2.imwrite(str(tmp_path / 'vi.jpg'), cv2.imread(visible))
    cv2.imwrite(hot, np.full((41, 60), 200, np.uint8))
    sources = [visible, str(tmp_path / 'vi.jpg'), visible], [str(pair[1]), hot, hot]
    masks = segmenter(*sources, batch_size=3)['predictions']
    assert [mask.mean() for mask in masks] == [0.5, 1, 1]


@pytest.mark.parametrize('runtime', [OnnxDetector, OnnxSegmenter])
def test_nothing_is_overwritten(tmp_path, pair, runtime):
    predict = runtime(write_toy(tmp_path / 'x.onnx', runtime.task), show_progress=False)
    with pytest.raises(ValueError, match='2 results would be written twice, first .*vis/vi.png: write them into two'):
        predict([pair[0]] * 2, [pair[1]] * 2, out_dir=tmp_path / 'out')
    (tmp_path / 'vis').mkdir()
    (tmp_path / 'vis/a.png').write_bytes(pair[0].read_bytes())
    with pytest.raises(ValueError, match='vis/a.png is one of the sources'):
        predict(tmp_path / 'vis/a.png', pair[1], out_dir=tmp_path)
    with pytest.raises(ValueError, match='batch_size=0 pairs must be at least 1'):
        predict(*pair, batch_size=0)


def test_workers_give_the_same_results(tmp_path):
    fuser = OnnxFuser(write_toy(tmp_path / 'toy.onnx', 'fuse'), show_progress=False)
    images = np.random.default_rng(0).integers(0, 256, (2, 6, 41, 60, 3), np.uint8)
    one, three = (fuser(*map(list, images), workers=workers) for workers in (1, 3))
    assert [result.name for result in three] == [result.name for result in one] and len(one) == 6
    for a, b in zip(one, three, strict=True):
        np.testing.assert_array_equal(a.images['fused'], b.images['fused'])


def test_sizes_that_differ_are_named(tmp_path, pair):
    segmenter = OnnxSegmenter(write_toy(tmp_path / 'seg.onnx', 'segment'))
    small = np.zeros((20, 30), np.uint8)
    with pytest.raises(ValueError, match=r'60x41 and 30x20: align them, or set resize=True'):
        segmenter([cv2.imread(str(pair[0]))], [small])
    assert segmenter([cv2.imread(str(pair[0]))], [small], resize=True)['predictions'][0].shape == (41, 60)


def test_files_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent.onnx is not there: export'):
        OnnxFuser('absent.onnx')
    with pytest.raises(ValueError, match="target='keep' needs an infrared and a visible image"):
        OnnxFuser('absent.onnx', task='mff', target='keep')
    (tmp_path / 'text.onnx').write_text('no network')
    with pytest.raises(ValueError, match=r'text.onnx is no ONNX file that onnxruntime can read'):
        OnnxFuser(tmp_path / 'text.onnx')
    detector = write_toy(tmp_path / 'det.onnx', 'detect')
    with pytest.raises(ValueError, match=r'det.onnx is for another task \(detect\): open it with OnnxDetector'):
        OnnxFuser(detector)
    with pytest.raises(ValueError, match='holds the features only: export it with --what model'):
        OnnxSegmenter(write_toy(tmp_path / 'maps.onnx', 'segment', what='features'))
    assert read_metadata(detector).classes == ('person', 'car')


def test_the_command_fuses_without_torch(tmp_path, pair):
    toy = write_toy(tmp_path / 'toy.onnx', 'fuse')
    code = f'{WITHOUT_TORCH}from mmdefusion.cli import main; main()'
    command = [sys.executable, '-c', code, 'fuse', *map(str, pair), '--weights', toy, '--out-dir', 'fused']
    command += ['--target', 'highlight']
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    wanted = OnnxFuser(toy, target='highlight').fuse(pair).images['fused']
    assert (cv2.imread(str(tmp_path / 'fused/vi.png')) == wanted).all()


def test_the_command_predicts_without_torch(tmp_path, pair):
    toy = write_toy(tmp_path / 'toy.onnx', 'detect')
    code = f'{WITHOUT_TORCH}from mmdefusion.cli import main; main()'
    command = [sys.executable, '-c', code, 'infer', toy, *map(str, pair), '--out-dir', 'found']
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / 'found/preds/vi.json').read_text())['labels'] == [1]


def test_the_runtime_imports_neither_torch_nor_toolboxes(tmp_path, pair):
    det, seg = write_toy(tmp_path / 'det.onnx', 'detect'), write_toy(tmp_path / 'seg.onnx', 'segment')
    code = f"""{WITHOUT_TORCH}
from mmdefusion.deployment import OnnxDetector, OnnxSegmenter
print(len(OnnxDetector({det!r})({str(pair[0])!r}, {str(pair[1])!r})['predictions'][0]['labels']))
print(OnnxSegmenter({seg!r})({str(pair[0])!r}, {str(pair[1])!r})['predictions'][0].shape)
"""
    printed = subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True).stdout
    assert printed.splitlines() == ['1', '(41, 60)']


CUDA = ('CUDAExecutionProvider', dict(device_id=1))


@pytest.fixture
def sessions(monkeypatch) -> list:
    """Lets onnxruntime have CUDA, and keeps what sessions were asked for. They run on the CPU."""
    import onnxruntime

    asked, real = [], onnxruntime.InferenceSession

    def open_session(file, options, providers):
        asked.append(providers)
        return real(file, options, providers=['CPUExecutionProvider'])

    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: [CUDA[0], 'CPUExecutionProvider'])
    monkeypatch.setattr(onnxruntime, 'InferenceSession', open_session)
    return asked


def test_a_gpu_that_was_asked_for_is_named_if_it_is_not_used(tmp_path, sessions):
    file = write_toy(tmp_path / 'toy.onnx', 'fuse')
    with pytest.warns(UserWarning, match='toy.onnx runs on CPUExecutionProvider, as .* could not start CUDA'):
        OnnxFuser(file, providers=[CUDA[0], 'CPUExecutionProvider'])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        OnnxFuser(file)
        OnnxFuser(file, providers=['TensorrtExecutionProvider', 'CPUExecutionProvider'])
    assert sessions[1:] == [['CPUExecutionProvider']] * 2


@pytest.mark.filterwarnings('ignore:.*could not start CUDA')
def test_providers_with_options_and_those_of_the_fuser(tmp_path, sessions):
    """The fuser that draws runs where the detector does."""
    files = (write_toy(tmp_path / f'{task}.onnx', task) for task in ('detect', 'fuse'))
    OnnxDetector(*files, providers=[CUDA, 'CPUExecutionProvider'])
    assert sessions == [[CUDA, 'CPUExecutionProvider']] * 2
