import json
import os
import shutil
import struct
import tarfile
import warnings
import zlib
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.layouts import grey
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from safetensors.torch import save_file

from mmdefusion.inference.sources import Item
from mmdefusion.registry import MODELS
from mmdefusion.scenes import SceneGenerator
from mmdefusion.utils.image_headers import UnusableImage

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
from helpers.paired_models import CONFIGS, INFERENCERS, ROOT
from helpers.warm_process import run_tool
from mmseg.structures import SegDataSample

from mmdefusion.apis import NotAllDone, PairedDetInferencer, PairedSegInferencer, open_paired


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory) -> dict[str, str]:
    """Of untrained models."""
    found = {}
    for scope, path in CONFIGS.items():
        config = Config.fromfile(path)
        init_default_scope(scope)
        torch.manual_seed(0)
        file = tmp_path_factory.mktemp(scope) / 'untrained.pth'
        meta = dict(dataset_meta=dict(classes=config.classes, palette=config.palette))
        torch.save(dict(state_dict=MODELS.build(config.model).state_dict(), meta=meta), file)
        found[scope] = str(file)
    return found


@pytest.fixture(scope='module')
def pairs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('pairs')
    for name in ('vi', 'ir'):
        (folder / name).mkdir()
    for index in range(3):
        scene = SceneGenerator((96, 80))(index)
        cv2.imwrite(str(folder / f'vi/{index}.png'), scene.visible)
        cv2.imwrite(str(folder / f'ir/{index}.png'), scene.infrared)
    return folder


def build(scope: str, checkpoints: dict[str, str], **options):
    return INFERENCERS[scope](str(CONFIGS[scope]), checkpoints[scope], device='cpu', **options)


@pytest.mark.parametrize('scope', CONFIGS)
def test_files_arrays_and_folders_agree(scope, checkpoints, pairs, tmp_path):
    inferencer = build(scope, checkpoints)
    by_folder = inferencer(str(pairs / 'vi'), str(pairs / 'ir'), out_dir=tmp_path, batch_size=2)['predictions']
    arrays = [[cv2.imread(str(pairs / kind / f'{k}.png'), -1) for k in range(3)] for kind in ('vi', 'ir')]
    by_array = inferencer(*arrays, return_vis=True)
    assert len(by_folder) == 3
    for one, other in zip(by_folder, by_array['predictions'], strict=True):
        if scope == 'mmseg':
            assert one.shape == (80, 96) and (one == other).all()
        else:
            assert np.allclose(one['bboxes'], other['bboxes'], atol=1e-3) and one['labels'] == other['labels']
    assert [path.name for path in sorted((tmp_path / 'vis').iterdir())] == ['0.png', '1.png', '2.png']
    drawing = cv2.imread(str(tmp_path / 'vis/0.png'))
    assert drawing.shape[1] > 2 * 96 and (drawing == by_array['visualization'][0]).all()
    saved = sorted((tmp_path / 'preds').iterdir())
    if scope == 'mmseg':
        assert (cv2.imread(str(saved[1]), -1) == by_folder[1]).all()
    else:
        assert json.loads(saved[1].read_text())['bboxes'] == by_folder[1]['bboxes']
    twice = [str(pairs / 'vi/0.png')] * 2, [str(pairs / 'ir/0.png')] * 2
    with pytest.raises(ValueError, match='2 results would be written twice, first .*vis/0.png'):
        inferencer(*twice, out_dir=tmp_path)
    with pytest.raises(ValueError, match='batch_size=-1 pairs must be at least 1'):
        inferencer(*twice, batch_size=-1)


@pytest.mark.parametrize('scaling', [dict(percentiles=(10.0, 60.0)), dict(fixed_range=(900.0, 3000.0))], ids=str)
def test_arrays_are_scaled_as_files_are(scaling, checkpoints, tmp_path):
    config = Config.fromfile(CONFIGS['mmseg'])
    config.test_dataloader.dataset.pipeline[1].update(scaling)
    inferencer = PairedSegInferencer(config, checkpoints['mmseg'], device='cpu')
    arrays = cv2.cvtColor(grey(0, 41, 60), cv2.COLOR_GRAY2BGR), np.arange(800, 3260, dtype=np.uint16).reshape(41, 60)
    files = str(tmp_path / 'vi.png'), str(tmp_path / 'ir.png')
    for file, array in zip(files, arrays, strict=True):
        cv2.imwrite(file, array)
    by_file, by_array = (inferencer.load(Item('pair', images))['img'] for images in (files, arrays))
    assert by_file.shape == (41, 60, 4) and (by_file == by_array).all()


@pytest.mark.parametrize('scope', CONFIGS)
def test_a_config_is_opened_with_its_toolbox(scope, checkpoints):
    opened = open_paired(str(CONFIGS[scope]), checkpoints[scope], 0.2, device='cpu', show_progress=False)
    assert type(opened) is INFERENCERS[scope] and getattr(opened, 'score_thr', 0.2) == 0.2


@pytest.mark.parametrize('scope', CONFIGS)
def test_pairs_of_other_sizes_are_no_neighbours(scope, checkpoints, monkeypatch):
    """Side by side in a batch they would be padded, and heads mix padding in."""
    inferencer, batches = build(scope, checkpoints), []
    forward = inferencer.forward
    monkeypatch.setattr(
        inferencer, 'forward', lambda data: (batches.append([x.shape[1:] for x in data['inputs']]), forward(data))[1]
    )
    sizes = [(80, 96), (64, 128), (80, 96), (96, 64), (64, 128)]
    arrays = [[grey(seed + index, *size) for index, size in enumerate(sizes)] for seed in (0, 9)]
    together = inferencer(*arrays, batch_size=4)['predictions']
    assert [len(batch) for batch in batches] == [2, 1, 1, 1] and all(len(set(batch)) == 1 for batch in batches)
    for *pair, ours in zip(*arrays, together, strict=True):
        (alone,) = inferencer(*pair)['predictions']
        if scope == 'mmseg':
            assert (ours == alone).all()
        else:
            assert len(alone['scores']) > 0
            assert np.allclose(ours['bboxes'], alone['bboxes'], atol=1e-3) and ours['labels'] == alone['labels']


@pytest.mark.parametrize('scope', CONFIGS)
def test_threads_share_one(scope, checkpoints, pairs, tmp_path):
    inferencer = build(scope, checkpoints, **(dict(score_thr=0.0) if scope == 'mmdet' else {}))
    if scope == 'mmdet':
        inferencer.model.bbox_head.test_cfg.max_per_img = 5
    tasks = [(grey(k, 48 + 8 * (k % 3), 64), grey(k + 1, 48 + 8 * (k % 3), 64), None) for k in range(4)]
    tasks += [(pairs / f'vi/{k % 3}.png', pairs / f'ir/{k % 3}.png', str(k)) for k in range(4)]

    def run(task: tuple, out: str) -> dict:
        *pair, name = task
        return inferencer(*pair, return_vis=True, out_dir=name and tmp_path / out / name)

    alone = [run(task, 'alone') for task in tasks]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(run, tasks, ['together'] * len(tasks)))
    for ours, theirs in zip(together, alone, strict=True):
        assert np.array_equal(ours['visualization'][0], theirs['visualization'][0])
        (ours,), (theirs,) = ours['predictions'], theirs['predictions']
        assert (ours == theirs).all() if scope == 'mmseg' else ours == theirs
    files = [sorted(path for path in (tmp_path / out).rglob('*.*')) for out in ('alone', 'together')]
    assert len(files[0]) == 8
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]


def test_labels_of_any_class_are_written(checkpoints, tmp_path, monkeypatch):
    inferencer = build('mmseg', checkpoints)
    for classes, bits in ((256, np.uint8), (300, np.uint16)):
        labels = torch.arange(classes).reshape(1, 4, -1)
        monkeypatch.setattr(inferencer.model, 'dataset_meta', dict(classes=[str(k) for k in range(classes)]))
        sample = SegDataSample(pred_sem_seg=PixelData(data=labels))
        assert inferencer.plain(sample).dtype == bits
        inferencer.save(sample, tmp_path / 'labels.png')
        written = cv2.imread(str(tmp_path / 'labels.png'), cv2.IMREAD_UNCHANGED)
        assert written.dtype == bits and (written == labels[0].numpy()).all()


def test_videos_with_the_fused_picture(checkpoints, tmp_path):
    videos = [write_video(tmp_path / f'{name}.mp4', (96, 80)) for name in ('vi', 'ir')]
    inferencer = build('mmseg', checkpoints, fused=True)
    results = inferencer(*videos, out_dir=tmp_path / 'out')
    assert len(results['predictions']) == 3
    video = cv2.VideoCapture(str(tmp_path / 'out/vis/vi.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 3 and video.get(cv2.CAP_PROP_FRAME_WIDTH) > 3 * 96


def test_a_video_that_is_cut_short(checkpoints, tmp_path):
    videos = [write_video(tmp_path / f'{name}.avi', (96, 80), 20, 'MJPG') for name in ('vi', 'ir')]
    content = (tmp_path / 'vi.avi').read_bytes()
    (tmp_path / 'vi.avi').write_bytes(content[: len(content) // 2])
    with pytest.warns(UserWarning, match=r'vi\.avi ends after \d+ of 20 frames: it may be cut or damaged'):
        results = build('mmseg', checkpoints)(*videos)
    assert 3 < len(results['predictions']) < 15


@pytest.mark.parametrize('kind', ['folders', 'videos'])
def test_one_polarity_for_all_fused_pictures(kind, checkpoints, pairs, tmp_path, monkeypatch):
    inferencer = build('mmseg', checkpoints, fused=True)
    told, used, fuse = [], [], inferencer.fuser.fuse
    monkeypatch.setattr(inferencer.fuser, 'tell_black_hot', lambda items: told.append(len(items)) or True)
    monkeypatch.setattr(inferencer.fuser, 'fuse', lambda *a, **k: used.append(k['black_hot']) or fuse(*a, **k))
    if kind == 'videos':
        sources = [write_video(tmp_path / f'{name}.mp4', (96, 80)) for name in ('vi', 'ir')]
    else:
        sources = [str(pairs / 'vi'), str(pairs / 'ir')]
    found = inferencer(*sources, return_vis=True)
    count = len(found['predictions'])
    assert told == [1 if kind == 'videos' else count] and used == [True] * count
    inferencer(*sources)
    assert len(told) == 1  # where nothing is drawn, nobody asks


def write_video(path, size, frames=3, codec='mp4v'):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10.0, size)
    for k in range(frames):
        writer.write(cv2.cvtColor(grey(k, size[1], size[0]), cv2.COLOR_GRAY2BGR))
    writer.release()
    return str(path)


@pytest.mark.parametrize('by', ['argument', 'config'])
def test_videos_of_two_sizes(by, checkpoints, tmp_path):
    videos = write_video(tmp_path / 'vi.mp4', (96, 80)), write_video(tmp_path / 'ir.mp4', (96, 48))
    config = Config.fromfile(CONFIGS['mmseg'])
    if by == 'config':
        config.test_dataloader.dataset.pipeline[1].size_mismatch = 'resize'
    inferencer = PairedSegInferencer(config, checkpoints['mmseg'], device='cpu', fused=True)
    if by == 'argument':
        with pytest.raises(ValueError, match=r'are 96x80 and 96x48: align them, or set resize=True \(--resize\)'):
            inferencer(*videos)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        assert len(inferencer(*videos, resize=by == 'argument', return_vis=True)['visualization']) == 3
    stretched = [str(one.message) for one in told if 'stretched' in str(one.message)]
    assert set(stretched) == {'vi: image 2 is stretched from 96x48 to 96x80.'}  # of one text, so that it is said once


@pytest.mark.parametrize('scope', CONFIGS)
def test_names_that_end_otherwise_or_stand_alone(scope, checkpoints, pairs, tmp_path):
    for sensor in ('vi', 'ir'):
        (tmp_path / sensor).mkdir()
        for path in (pairs / sensor).iterdir():
            shutil.copyfile(path, tmp_path / sensor / f'{path.stem}_{sensor}.png')
    (tmp_path / 'ir/1_ir.png').unlink()
    folders, options = (str(tmp_path / 'vi'), str(tmp_path / 'ir')), dict(suffixes=('_vi', '_ir'))
    inferencer = build(scope, checkpoints)
    with pytest.raises(ValueError, match=r'1 only in .*--skip-unmatched'):
        inferencer(*folders, **options)
    with pytest.warns(UserWarning, match='1 names lack a partner'):
        found = inferencer(*folders, **options, skip_unmatched=True)
    assert len(found['predictions']) == 2


def test_what_it_refuses(checkpoints):
    inferencer = build('mmseg', checkpoints)
    with pytest.raises(ValueError, match='96x80 and 48x40: align them, or set resize=True'):
        inferencer(grey(0, 80, 96), grey(1, 40, 48))
    results = inferencer(grey(0, 80, 96), grey(1, 40, 48), resize=True, return_vis=True)
    assert results['predictions'][0].shape == (80, 96) and results['visualization'][0].shape[1] > 2 * 96
    config = Config.fromfile(CONFIGS['mmseg'])
    config.test_dataloader.dataset.pipeline.pop(1)
    with pytest.raises(ValueError, match='no AppendPartner'):
        PairedSegInferencer(config, checkpoints['mmseg'], device='cpu')


@pytest.mark.parametrize('kind', ['vi', 'ir'])
@pytest.mark.parametrize('scope', CONFIGS)
def test_one_broken_file_does_not_end_a_folder(scope, kind, checkpoints, pairs, tmp_path):
    shutil.copytree(pairs, tmp_path / 'pairs')
    (tmp_path / f'pairs/{kind}/1.png').write_bytes(b'no image')
    inferencer = build(scope, checkpoints)
    with pytest.raises(NotAllDone, match='1 could not be done') as raised:
        inferencer(str(tmp_path / 'pairs/vi'), str(tmp_path / 'pairs/ir'), out_dir=tmp_path / 'out', batch_size=2)
    assert list(raised.value.failures) == ['1'] and len(raised.value.results['predictions']) == 2
    assert [path.name for path in sorted((tmp_path / 'out/vis').iterdir())] == ['0.png', '2.png']
    with pytest.raises(Exception) as alone:
        inferencer(str(tmp_path / 'pairs/vi/1.png'), str(tmp_path / 'pairs/ir/1.png'))
    assert not isinstance(alone.value, NotAllDone)


def test_a_pair_too_narrow_for_the_pipeline(checkpoints):
    """Of which nothing would be left at the test's size."""
    pair = np.zeros((9000, 20, 3), np.uint8), np.zeros((9000, 20, 3), np.uint8)
    with pytest.raises(ValueError, match='000000: OpenCV cannot read it, or bring it to the size of the test'):
        build('mmdet', checkpoints)(*pair)


@pytest.mark.parametrize('scope', CONFIGS)
def test_pairs_in_archives(scope, checkpoints, pairs, tmp_path):
    with tarfile.open(tmp_path / 'pairs.tar', 'w') as archive:
        archive.add(pairs, '.')
    config, backend = Config.fromfile(CONFIGS[scope]), dict(backend='mmdefusion.tar')
    for step in config.test_dataloader.dataset.pipeline[:2]:
        step.backend_args = backend
    inferencer = INFERENCERS[scope](config, checkpoints[scope], device='cpu')
    files = [[f'{tmp_path}/pairs.tar/{sensor}/{k}.png' for k in range(2)] for sensor in ('vi', 'ir')]
    assert len(inferencer(*files)['predictions']) == 2


@pytest.mark.parametrize('kind', ['bomb', 'pipe', 'empty'])
@pytest.mark.parametrize('scope', CONFIGS)
def test_hostile_files_do_not_end_a_folder(scope, kind, checkpoints, pairs, tmp_path):
    """The config's loader, mmcv's, would decode any size, wait for a pipe and raise OpenCV's own error."""
    shutil.copytree(pairs, tmp_path / 'pairs')
    path = tmp_path / 'pairs/vi/1.png'
    size = struct.pack('>II', 40000, 40000)
    header = path.read_bytes()[:16] + size + path.read_bytes()[24:29]
    path.unlink()
    if kind == 'pipe':
        os.mkfifo(path)
    else:
        path.write_bytes(b'' if kind == 'empty' else header + struct.pack('>I', zlib.crc32(header[12:])))
    with pytest.raises(NotAllDone, match='1 could not be done') as raised:
        files = [sorted(map(str, (tmp_path / 'pairs' / sensor).iterdir())) for sensor in ('vi', 'ir')]
        build(scope, checkpoints)(*files, out_dir=tmp_path / 'out')
    assert list(raised.value.failures) == ['1'] and isinstance(raised.value.failures['1'], UnusableImage)
    assert len(raised.value.results['predictions']) == 2


@pytest.mark.slow
@pytest.mark.parametrize('scope', CONFIGS)
def test_the_tool(scope, checkpoints, pairs, tmp_path):
    command = [ROOT / 'tools/infer.py', CONFIGS[scope], checkpoints[scope], pairs / 'vi', pairs / 'ir']
    command += ['--out-dir', tmp_path, '--device', 'cpu']
    result = run_tool(*command)
    assert result.returncode == 0, result.stderr
    assert '3 pairs' in result.stdout and len(list((tmp_path / 'vis').iterdir())) == 3


@pytest.mark.parametrize('scope', CONFIGS)
def test_a_part_of_a_series_and_then_the_rest(scope, checkpoints, pairs, tmp_path):
    inferencer, sources = build(scope, checkpoints), (str(pairs / 'vi'), str(pairs / 'ir'))
    options = dict(out_dir=tmp_path, keep=False, resume=True)
    counts = [inferencer(*sources, shard=shard, **options)['count'] for shard in ('2/2', None, None)]
    assert counts == [1, 2, 0] and len(list((tmp_path / 'vis').iterdir())) == 3


@pytest.mark.parametrize('scope', CONFIGS)
def test_no_checkpoint_is_its_own_config(scope, checkpoints, tmp_path):
    """Without a config the toolboxes would run the Python in the file; by a name they would fetch a model."""
    content = torch.load(checkpoints[scope])
    source = f'import pathlib\npathlib.Path({str(tmp_path / "canary")!r}).touch()'
    content['meta'] |= dict(cfg=source, config=source)
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='x.pth carries: give the config that you trust'):
        INFERENCERS[scope](None, str(tmp_path / 'x.pth'), device='cpu')
    with pytest.raises(FileNotFoundError, match='The config atss_r50_fpn_1x_coco is not there'):
        INFERENCERS[scope]('atss_r50_fpn_1x_coco', checkpoints[scope], device='cpu')
    with pytest.raises(ValueError, match='weights=None'):
        INFERENCERS[scope](str(CONFIGS[scope]), None, device='cpu')
    with pytest.raises(ValueError, match='x.pth: its meta has a config as Python'):
        INFERENCERS[scope](str(CONFIGS[scope]), str(tmp_path / 'x.pth'), device='cpu')
    assert not (tmp_path / 'canary').exists()


@pytest.mark.parametrize('meta', [dict(classes=7), dict(classes=[7]), dict(classes=('a',), palette=[(1, 2)]), 7])
def test_odd_classes_are_refused(meta, checkpoints, tmp_path):
    content = torch.load(checkpoints['mmdet'])
    content['meta'] = dict(dataset_meta=meta)
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='x.pth: its dataset_meta '):
        PairedDetInferencer(str(CONFIGS['mmdet']), str(tmp_path / 'x.pth'), device='cpu')


@pytest.mark.parametrize('scope', CONFIGS)
def test_any_file_that_is_a_checkpoint_is_read_as_one(scope, checkpoints, tmp_path):
    """MMEngine's reader would go by the suffix, and trip over methods that a file puts over a dict's own."""
    state = torch.load(checkpoints[scope])['state_dict']
    save_file({key: value.contiguous() for key, value in state.items()}, tmp_path / 'safe.pth')
    masked = OrderedDict(state)
    masked.__dict__.update(get=1, keys=2, values=3, pop=4)
    torch.save(dict(state_dict=masked), tmp_path / 'masked.pth')
    for name in ('safe.pth', 'masked.pth'):
        inferencer = INFERENCERS[scope](str(CONFIGS[scope]), str(tmp_path / name), device='cpu')
        assert all(torch.equal(value, state[key]) for key, value in inferencer.model.state_dict().items())
    save_file({'a': torch.ones(2)}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='other.pth'):
        INFERENCERS[scope](str(CONFIGS[scope]), str(tmp_path / 'other.pth'), device='cpu')
