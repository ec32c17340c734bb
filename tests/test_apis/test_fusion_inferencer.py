import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pytest
import torch
from helpers.layouts import grey
from helpers.pretraining import write_fuser, write_images
from PIL import Image

from mmdefusion.apis import FusionInferencer, NotAllDone
from mmdefusion.apis.shared_cores import shared_cores
from mmdefusion.inference.sizes import to_first_size
from mmdefusion.scenes import SceneGenerator
from mmdefusion.utils.image_io import read_stored
from mmdefusion.utils.video_reader import VideoFrames
from mmdefusion.utils.video_writer import count_frames


@pytest.fixture(scope='module')
def weights(tmp_path_factory) -> str:
    return write_fuser(tmp_path_factory.mktemp('weights') / 'fuser.pth')


@pytest.fixture(scope='module')
def fuser(weights) -> FusionInferencer:
    return FusionInferencer(weights, device='cpu', show_progress=False)


def colour(seed: int, height: int = 33, width: int = 58) -> np.ndarray:
    return np.stack([grey(3 * seed + k, height, width) for k in range(3)], axis=-1)


def only(results) -> np.ndarray:
    (result,) = results
    return result.images['fused']


@pytest.mark.parametrize('channels', [(3, 1), (1, 3), (1, 1), (3, 3)])
def test_arrays_of_one_and_three_channels(fuser, channels):
    images = [colour(k) if count == 3 else grey(k, 33, 58) for k, count in enumerate(channels)]
    assert only(fuser(*images)).shape == (33, 58, 3)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
def test_an_image_with_itself_comes_back(fuser, dtype):
    image = colour(0)
    given = image if dtype == np.uint8 else (image / 255 * (1 if dtype == np.float32 else 65535)).astype(dtype)
    result = only(fuser(given, given)).astype(int)
    if dtype == np.uint16:  # scaled by percentiles: only the order of grey values is kept
        assert np.corrcoef(result.ravel(), image.ravel())[0, 1] > 0.99
    else:
        assert abs(result - image).max() <= 1


def test_every_output_and_the_panel(fuser, tmp_path):
    written = fuser(colour(0), grey(1, 33, 58), out_dir=tmp_path, outputs=['fused', 'common', 'unique_a', 'panel'])
    assert [path.name for path in written] == [
        '000000.png',
        '000000_common.png',
        '000000_unique_a.png',
        '000000_panel.png',
    ]
    panel = cv2.imread(str(written[-1]))
    assert panel.shape[1] > 6 * 58 and panel.std() > 10


def test_the_share_is_grey_and_of_the_size_of_the_image(fuser, tmp_path):
    (written,) = fuser(colour(0), colour(0), out_dir=tmp_path, outputs=['share'])
    assert written.name == '000000_share.png'
    share = cv2.imread(str(written), cv2.IMREAD_UNCHANGED)
    assert share.shape == (33, 58) and set(np.unique(share)) <= {127, 128}  # both sources are equal
    (both,) = fuser(colour(0), grey(1, 33, 58), outputs=['fused', 'share'])
    assert (both.images['fused'] == only(fuser(colour(0), grey(1, 33, 58)))).all() and both.images['share'].shape == (
        33,
        58,
    )


def test_a_pair_and_its_parts(fuser):
    result = fuser.fuse((colour(0), grey(1, 33, 58)), parts=True)
    assert list(result.images) == ['common', 'unique_a', 'unique_b', 'fused'] and result.name == 'pair'
    (whole,) = fuser(colour(0), grey(1, 33, 58))
    assert (result.images['fused'] == whole.images['fused']).all()
    assert list(fuser.fuse([colour(0), grey(1, 33, 58)]).images) == ['fused']


@pytest.mark.parametrize(('polarity', 'reads'), [('white-hot', 4), ('auto', 8)])  # to guess it, they are read before
def test_files_are_read_once(weights, tmp_path, polarity, reads):
    fuser = FusionInferencer(weights, device='cpu', show_progress=False, polarity=polarity)
    for seed, name in enumerate(('vi', 'ir')):
        write_images(tmp_path / name, 2, size=(20, 30), seed=seed)
    with patch('mmdefusion.inference.sources.read_stored', wraps=read_stored) as read:
        fuser(str(tmp_path / 'vi'), str(tmp_path / 'ir'), outputs=['fused', 'panel'])
    assert read.call_count == reads


def test_a_black_hot_camera_is_named_or_guessed(weights, tmp_path):
    visible = colour(0, 240, 320)
    infrared = np.full((240, 320), 40, np.uint8)
    infrared[100:] = 90
    infrared[110:180, 60:80] = 220
    options = dict(device='cpu', show_progress=False)
    expected = only(FusionInferencer(weights, polarity='white-hot', **options)(visible, infrared))
    for polarity in ('auto', 'black-hot'):
        assert (
            only(FusionInferencer(weights, polarity=polarity, **options)(visible, 255 - infrared)) == expected
        ).all()
    with pytest.raises(ValueError, match="polarity='hot' is none of auto"):
        FusionInferencer(weights, polarity='hot')
    coloured = cv2.applyColorMap(infrared, cv2.COLORMAP_JET)
    assert (only(FusionInferencer(weights, **options)(visible, coloured)) == expected).all()
    cv2.imwrite(str(tmp_path / 'vi.png'), visible)
    for name, image in (('ir.png', 255 - infrared), ('jet.png', coloured)):
        cv2.imwrite(str(tmp_path / name), image)
        assert (only(FusionInferencer(weights, **options)(tmp_path / 'vi.png', tmp_path / name)) == expected).all()


def test_threads_share_one(fuser):
    pairs = [(colour(k, 33 + k, 58), grey(k, 33 + k, 58)) for k in range(24)]
    alone = [fuser.fuse(pair).images['fused'] for pair in pairs]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda pair: fuser.fuse(pair).images['fused'], pairs))
    assert all((one == other).all() for one, other in zip(alone, together, strict=True))


def test_folders_lists_and_globs(fuser, tmp_path):
    write_images(tmp_path / 'vi', 3, size=(20, 30))
    write_images(tmp_path / 'ir', 3, size=(20, 30), seed=1)
    vi, ir = (sorted(map(str, (tmp_path / name).iterdir())) for name in ('vi', 'ir'))
    by_folder = fuser(str(tmp_path / 'vi'), tmp_path / 'ir')
    by_list, by_glob = fuser(vi, ir), fuser(f'{tmp_path}/vi/*.png', f'{tmp_path}/ir/*.png')
    assert [result.name for result in by_folder] == ['000', '001', '002']
    for results in (by_list, by_glob):
        for ours, theirs in zip(results, by_folder, strict=True):
            assert ours.name == theirs.name and (ours.images['fused'] == theirs.images['fused']).all()
    with pytest.raises(ValueError, match='have 3, 2 images'):
        fuser(vi, ir[:2])
    with pytest.raises(FileNotFoundError, match='No file matches'):
        fuser(f'{tmp_path}/vi/*.gif', ir)


def test_several_exposures_are_folded(weights):
    fuser = FusionInferencer(weights, task='mef', device='cpu', show_progress=False)
    a, b, c = (colour(k) for k in range(3))
    folded = only(fuser(only(fuser(a, b)), c)).astype(int)
    assert abs(only(fuser(a, b, c)) - folded).mean() < 1  # not rounded in between


def test_odd_sizes_come_back_untouched(fuser):
    picture = colour(0, 331, 585)
    assert abs(only(fuser(picture, picture)).astype(int) - picture).max() <= 1
    assert only(fuser(picture, grey(1, 331, 585))).shape == (331, 585, 3)


def test_no_seams_between_windows():
    """Steps across the borders of windows, beside those of the same picture fused whole, are like all others."""
    scene, steps = SceneGenerator((400, 288), night_share=1.0)(3), {}
    for whole_below in (1, 10**9):
        window = dict(whole_below=whole_below)
        fuser = FusionInferencer(detail=None, colour='grey', device='cpu', sliding_window=window, show_progress=False)
        fused = only(fuser(scene.visible, scene.infrared)).astype(float)
        steps[whole_below] = [np.abs(np.diff(fused, axis=axis)).mean(1 - axis) for axis in (0, 1)]
    for cut, whole, borders in zip(*steps.values(), [(63, 223), (87, 175, 223, 311)], strict=True):
        excess = cut / (whole + 0.5)
        assert max(excess[list(borders)]) < np.quantile(excess, 0.95) + 0.1, excess[list(borders)]


def test_one_image_comes_back_with_a_warning(fuser):
    for sources in ((colour(0),), (colour(0), None), (None, colour(0))):
        with pytest.warns(UserWarning, match='000000 has no partner'):
            assert (only(fuser(*sources)) == colour(0)).all()


@pytest.mark.parametrize('kind', ['luma', 'rgb', 'exposed', 'grey'])
def test_one_image_needs_no_network(weights, kind):
    fuser = FusionInferencer(weights, colour=kind, device='cpu', show_progress=False)
    wanted = cv2.cvtColor(colour(0), cv2.COLOR_BGR2GRAY) if kind == 'grey' else colour(0)
    with patch.object(fuser.model, 'decompose', side_effect=AssertionError):
        fused = fuser.fuse([colour(0)]).images['fused']
    assert np.abs(fused.astype(int) - wanted).max() <= (kind == 'grey')
    with pytest.warns(UserWarning, match='no partner'):
        (result,) = fuser(colour(0), outputs=('fused', 'common', 'share'))
    assert set(result.images) == {'fused', 'common', 'share'} and (result.images['fused'] == fused).all()


def test_16_bit_pictures_keep_their_exposure(weights, tmp_path):
    """Exposures are taken over their full range, thermal counts between percentiles or two counts."""
    image = colour(0)
    dark = (image.astype(int) * 257 // 8).astype(np.uint16)
    mef = FusionInferencer(weights, task='mef', device='cpu', show_progress=False)
    assert abs(only(mef(dark, dark)).astype(int) - image // 8).max() <= 2
    ivf = FusionInferencer(weights, device='cpu', show_progress=False, thermal_range=(0, 65535 // 8))
    for sources, wanted in (((image, dark), 255), ((dark, dark), image.max() / 8)):
        with patch('mmdefusion.inference.fusing.to_first_size', wraps=to_first_size) as read:
            ivf.fuse(sources)
        first, second = read.call_args.args[0]
        assert second.max() > 0.9 * 255 and abs(first.max() - (image.max() if wanted == 255 else wanted)) < 2


def test_degrees_are_scaled_in_arrays_as_in_files(weights, tmp_path):
    degrees = (20 + grey(1, 33, 58) / 8).astype(np.float32)
    cv2.imwrite(str(tmp_path / 'ir.tif'), degrees)
    cv2.imwrite(str(tmp_path / 'vi.png'), colour(0))
    fuser = FusionInferencer(weights, device='cpu', show_progress=False, thermal_range=(20.0, 50.0))
    assert (only(fuser(colour(0), degrees)) == only(fuser(tmp_path / 'vi.png', tmp_path / 'ir.tif'))).all()


def test_a_range_for_images_of_8_bits_is_told_once_for_a_series(weights, tmp_path):
    for name in 'vi', 'ir':
        write_images(tmp_path / name, 2, size=(48, 64))
    cv2.imwrite(str(tmp_path / 'ir16.png'), grey(1, 48, 64).astype(np.uint16) * 90)
    options = dict(polarity='white-hot', thermal_range=(2000, 9000))
    fuser = FusionInferencer(weights, device='cpu', show_progress=False, **options)
    for sources in ((tmp_path / 'vi', tmp_path / 'ir'), (tmp_path / 'vi/000.png', tmp_path / 'ir/000.png')):
        with pytest.warns(UserWarning) as told:
            fuser(*sources)
        assert sum('The range of 2000 to 9000 has no effect' in str(one.message) for one in told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        fuser(tmp_path / 'vi/000.png', tmp_path / 'ir16.png')


@pytest.mark.parametrize('options', [dict(thermal_range=(0, 9)), dict(polarity='black-hot')], ids=str)
@pytest.mark.parametrize('task', ['mef', 'mff'])
def test_options_of_infrared_images_are_for_them_alone(task, options, weights):
    with pytest.raises(ValueError, match=f"{next(iter(options))}=.* is for infrared images, not for task='{task}'"):
        FusionInferencer(weights, task=task, device='cpu', **options)


def test_suffixes_are_for_folders_alone(fuser, tmp_path):
    for name in ('vi_A', 'ir_B'):
        write_images(tmp_path / name, 1)
    files = str(tmp_path / 'vi_A/000.png'), str(tmp_path / 'ir_B/000.png')
    videos = write_video(tmp_path / 'vi_A.mp4', 10, [0]), write_video(tmp_path / 'ir_B.mp4', 10, [0])
    for sources in (files, videos, [[file] for file in files], (f'{tmp_path}/vi_A/*', f'{tmp_path}/ir_B/*')):
        with pytest.raises(ValueError, match=r'suffixes _A and _B tell files of folders apart, .*\(--suffixes\)'):
            fuser(*sources, suffixes=('_A', '_B'), out_dir=tmp_path / 'out')


def test_names_stay_below_the_folder(fuser, tmp_path, monkeypatch):
    for name in ('a/x', 'b', 'ir'):
        write_images(tmp_path / name, 1, size=(20, 30))
    monkeypatch.chdir(tmp_path / 'b')
    sources = ['../a/x/000.png', str(tmp_path / 'b/000.png')], [str(tmp_path / 'ir/000.png')] * 2
    written = fuser(*sources, out_dir=tmp_path / 'out')
    assert [str(path.relative_to(tmp_path / 'out')) for path in written] == ['a/x/000.png', 'b/000.png']


def test_one_image_in_grey(weights):
    fuser = FusionInferencer(weights, colour='grey', device='cpu', show_progress=False)
    with pytest.warns(UserWarning, match='no partner'):
        assert only(fuser(colour(0))).shape == (33, 58)


def test_unequal_sizes(fuser):
    a, b = colour(0), grey(1, 66, 116)
    with pytest.raises(ValueError, match=r'58x33 and 116x66.*resize=True \(--resize\)'):
        fuser(a, b)
    assert only(fuser(a, b, resize=True)).shape == a.shape


def test_exif_turns_the_image(fuser, tmp_path):
    image = Image.fromarray(colour(0))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / 'turned.jpg', exif=exif)
    turned = np.rot90(cv2.imread(str(tmp_path / 'turned.jpg'), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION), -1)
    assert abs(only(fuser(str(tmp_path / 'turned.jpg'), turned.copy())).astype(int) - turned).max() <= 1


def test_resume_does_only_what_is_missing(fuser, tmp_path):
    write_images(tmp_path / 'vi', 2)
    write_images(tmp_path / 'ir', 2, seed=1)
    folders, out = (str(tmp_path / 'vi'), str(tmp_path / 'ir')), tmp_path / 'out'
    assert len(fuser(*folders, out_dir=out)) == 2
    (out / '001.png').unlink()
    before = (out / '000.png').stat().st_mtime_ns
    assert [path.name for path in fuser(*folders, out_dir=out, resume=True)] == ['001.png']
    assert (out / '000.png').stat().st_mtime_ns == before


@pytest.mark.parametrize('broken', [False, True])
@pytest.mark.parametrize('target', ['off', 'keep'])
def test_workers_write_the_same_bytes(weights, tmp_path, broken, target):
    for seed, name in enumerate(('vi', 'ir')):
        write_images(tmp_path / name, 5, seed=seed)
    if broken:
        (tmp_path / 'ir/001.png').write_bytes(b'no image')
    fuser = FusionInferencer(weights, device='cpu', target=target, show_progress=False)
    found = {}
    for workers in (1, 3):
        options = dict(out_dir=tmp_path / f'out{workers}', outputs=['fused', 'share', 'panel'], workers=workers)
        threads, said = torch.get_num_threads(), ''
        try:
            written = fuser(str(tmp_path / 'vi'), str(tmp_path / 'ir'), **options)
        except NotAllDone as error:
            written, said = error.results, str(error)
        assert torch.get_num_threads() == threads
        found[workers] = [(file.name, file.read_bytes()) for file in written], said
    assert found[3] == found[1] and len(found[1][0]) == (12 if broken else 15)
    assert ('001: ' in found[1][1]) == broken


def test_each_worker_has_its_share_of_the_cores(fuser):
    seen, decode = [], fuser._decode
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with patch.object(fuser, '_decode', lambda *given: seen.append(torch.get_num_threads()) or decode(*given)):
            fuser([colour(k) for k in range(4)], [grey(k, 33, 58) for k in range(4)], workers=2)
            assert seen == [2] * 4 and torch.get_num_threads() == 4
            fuser([colour(0)], [grey(0, 33, 58)], workers=2)  # nothing to share with
            assert seen[4:] == [4]
    finally:
        torch.set_num_threads(threads)


def test_a_full_disk_ends_the_work_of_all_workers(fuser, tmp_path):
    tried = []

    def refuse(file: Path, image: np.ndarray) -> Path:
        tried.append(file)
        raise OSError(28, 'No space left on device', str(file))

    sources = [colour(k) for k in range(12)], [grey(k, 33, 58) for k in range(12)]
    with patch('mmdefusion.inference.outputs.write_image', refuse), pytest.raises(OSError, match='No space left'):
        fuser(*sources, out_dir=tmp_path, workers=2)
    assert len(tried) < 8
    with pytest.raises(ValueError, match='workers=0 must be at least 1'):
        fuser(*sources, out_dir=tmp_path, workers=0)


def test_shards_together_are_the_series(fuser, tmp_path):
    for seed, name in enumerate(('vi', 'ir')):
        write_images(tmp_path / name, 5, size=(20, 30), seed=seed)
    folders, done = (str(tmp_path / 'vi'), str(tmp_path / 'ir')), []
    for shard in ('1/3', '2/3', '3/3'):
        done += fuser(*folders, out_dir=tmp_path / 'out', shard=shard)
    assert sorted(path.name for path in done) == [f'{k:03d}.png' for k in range(5)]
    assert fuser(*folders, out_dir=tmp_path / 'out', shard='1/3', resume=True) == []
    for shard in ('0/3', '4/3', '1', 'x/y'):
        with pytest.raises(ValueError, match='must be i/n'):
            fuser(*folders, shard=shard)


def test_the_polarity_is_that_of_the_series_in_every_shard(weights, tmp_path):
    fuser = FusionInferencer(weights, device='cpu', show_progress=False)
    with patch.object(fuser, 'tell_black_hot', return_value=False) as told:
        for seed, name in enumerate(('vi', 'ir')):
            write_images(tmp_path / name, 3, size=(20, 30), seed=seed)
        fuser(str(tmp_path / 'vi'), str(tmp_path / 'ir'), shard='3/3')
    (series,), _ = told.call_args
    assert [item.name for item in series] == ['000', '001', '002']


def test_a_single_pair_is_read_once(fuser, tmp_path):
    for seed, name in enumerate(('vi', 'ir')):
        write_images(tmp_path / name, 1, size=(20, 30), seed=seed)
    pair = str(tmp_path / 'vi/000.png'), str(tmp_path / 'ir/000.png')
    with patch('mmdefusion.inference.sources.read_stored', wraps=read_stored) as read:
        (written,) = fuser(*pair, out_dir=tmp_path / 'out')
        fuser.fuse(pair)
    assert read.call_count == 4 and written.name == '000.png'


def test_how_much_the_network_sees(weights):
    kept = {task: FusionInferencer(weights, task=task, device='cpu').network_pixels for task in ('ivf', 'mef', 'mff')}
    assert kept == {'ivf': 490 * 392, 'mef': None, 'mff': None}
    small = FusionInferencer(weights, device='cpu', show_progress=False, network_pixels=48 * 64)
    seen = []
    small.model.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[-2:].numel()))
    assert only(small(colour(0, 96, 128), colour(1, 96, 128))).shape == (96, 128, 3)
    assert seen == [48 * 64]


def test_what_fails_does_not_stop_the_rest(fuser, tmp_path):
    for seed, name in enumerate(('vi', 'ir')):
        write_images(tmp_path / name, 3, seed=seed)
    (tmp_path / 'ir/001.png').write_bytes(b'no image')
    folders, out = (str(tmp_path / 'vi'), str(tmp_path / 'ir')), tmp_path / 'out'
    with pytest.raises(NotAllDone, match='ir/001.png is not an image') as raised:
        fuser(*folders, out_dir=out)
    assert sorted(out.iterdir()) == raised.value.results == [out / '000.png', out / '002.png']
    with pytest.raises(NotAllDone) as raised:
        fuser(*folders)
    assert list(raised.value.failures) == ['001'] and [result.name for result in raised.value.results] == ['000', '002']
    with pytest.raises(ValueError, match='is not an image') as raised:
        fuser(str(tmp_path / 'vi/001.png'), str(tmp_path / 'ir/001.png'))
    assert not isinstance(raised.value, NotAllDone)


def test_stacks_are_folded_and_pairs_are_not(fuser, tmp_path):
    for seed, name in enumerate(('vi', 'ir', 'nir')):
        write_images(tmp_path / name, 10, size=(20, 30), seed=seed)
    vi, ir, nir = (sorted(map(str, (tmp_path / name).iterdir())) for name in ('vi', 'ir', 'nir'))
    for stack in (vi[:3], [vi[0], ir[0], nir[0]], vi[:9], [grey(seed, 20, 30) for seed in range(11)]):
        assert len(fuser(*stack)) == 1  # a bracket of exposures, three sensors, and arrays, which no shell lists
    for pairs in (vi[:2] + ir[:2], vi, [*vi[:2], ir[0]]):
        with pytest.raises(ValueError, match=f'These {len(pairs)} files.*would be folded into one.*--fold'):
            fuser(*pairs)
    assert len(fuser(*vi, fold=True)) == 1
    with pytest.raises(ValueError, match='These 4 files'):
        fuser('a/1.mp4', 'a/2.mp4', 'b/1.mp4', 'b/2.mp4', out_dir=tmp_path / 'out')


def test_globs_and_folders_without_some_partners(fuser, tmp_path):
    for seed, name in enumerate(('vi', 'ir')):
        write_images(tmp_path / name, 4, size=(20, 30), seed=seed)
    (tmp_path / 'vi/001.png').unlink()
    (tmp_path / 'ir/003.png').unlink()
    patterns = f'{tmp_path}/vi/*.png', f'{tmp_path}/ir/*.png'
    with pytest.raises(ValueError, match=r'2 names of .* lack a partner, first 001, .*--skip-unmatched'):
        fuser(*patterns)  # by place 002 would meet 001
    folders = str(tmp_path / 'vi'), str(tmp_path / 'ir')
    with pytest.raises(ValueError, match=r'do not match: 1 only in .*--skip-unmatched'):
        fuser(*folders)
    for sources in (patterns, folders):
        with pytest.warns(UserWarning, match='2 names lack a partner'):
            assert [result.name for result in fuser(*sources, skip_unmatched=True)] == ['000', '002']
    (tmp_path / 'ir/000.png').unlink()
    (tmp_path / 'ir/002.png').unlink()
    for sources in (patterns, folders):
        with pytest.raises(ValueError):
            fuser(*sources, skip_unmatched=True)
    (tmp_path / 'vi/003.png').unlink()
    (tmp_path / 'vi/000.png').unlink()  # one file is left in each, of other names
    with pytest.raises(ValueError, match=r'No file of .* has a partner of the same name, first 001: .*skip-unmatched'):
        fuser(*patterns, skip_unmatched=True)
    assert [result.name for result in fuser(*patterns)] == ['002']  # by place


def write_video(path: Path, rate: float, levels: Sequence[int]) -> str:
    """Flat frames of these grey values."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), rate, (64, 48))
    for level in levels:
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    return str(path)


def test_videos(fuser, tmp_path):
    videos = [write_video(tmp_path / 'vi.mp4', 10, range(4)), write_video(tmp_path / 'ir.mp4', 10, range(3))]
    with pytest.warns(UserWarning, match=r'last 0.40 and 0.30 s: the shortest ends'):
        (written,) = fuser(*videos, out_dir=tmp_path / 'out')
    with pytest.warns(UserWarning):
        assert fuser(*videos, out_dir=tmp_path / 'out', resume=True) == []
    with pytest.warns(UserWarning), pytest.raises(ValueError, match='vi.mp4 is one of the sources'):
        fuser(*videos, out_dir=tmp_path)
    video = cv2.VideoCapture(str(written))
    assert written.name == 'vi.mp4' and video.get(cv2.CAP_PROP_FPS) == 10
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 3
    there, frame = video.read()
    assert there and frame.shape == (48, 64, 3)
    (tmp_path / 'no.mp4').write_bytes(b'no video')
    with pytest.raises(ValueError, match='no.mp4 is no video'):
        fuser(str(tmp_path / 'no.mp4'), str(tmp_path / 'ir.mp4'), out_dir=tmp_path / 'out')


def test_a_video_that_is_cut_short_is_fused_as_far_as_it_goes(fuser, tmp_path):
    videos = []
    for name in ('vi', 'ir'):
        videos.append(str(tmp_path / f'{name}.avi'))
        writer = cv2.VideoWriter(videos[-1], cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
        for k in range(40):
            writer.write(np.full((48, 64, 3), 5 * k, np.uint8))
        writer.release()
    content = (tmp_path / 'vi.avi').read_bytes()
    (tmp_path / 'vi.avi').write_bytes(content[: len(content) * 6 // 10])
    with pytest.warns(UserWarning, match=r'vi\.avi ends after \d+ of 40 frames: it may be cut or damaged'):
        written = fuser(*videos, out_dir=tmp_path / 'out')
    assert written == [tmp_path / 'out/vi.mp4'] and 3 < count_frames(tmp_path / 'out/vi.mp4') < 35


@pytest.mark.parametrize(('rates', 'counts'), [((10, 30), (8, 24)), ((30, 10), (24, 8)), ((30, 25), (30, 25))])
def test_frames_of_videos_are_paired_by_time(rates, counts, tmp_path):
    """Each video is as bright as its time, so partners must be equally bright, up to half a frame of the slower."""
    seconds = counts[0] / rates[0]
    paths = [
        write_video(tmp_path / f'{place}.mp4', rate, [round(200 * k / rate / seconds) for k in range(count)])
        for place, (rate, count) in enumerate(zip(rates, counts, strict=True))
    ]
    with pytest.warns(UserWarning, match=f'{rates[0]} and {rates[1]} frames a second: they are paired by time') as seen:
        frames = VideoFrames(paths)
    levels = [[image.mean() for image in images] for images in frames]
    assert len(levels) == len(frames) and abs(len(frames) - counts[0]) <= rates[0] // min(rates) // 2
    assert len(seen) <= 2 and levels[-1][0] > 150
    gap = 200 / seconds / min(rates) / 2 + 3  # grey levels; the codec takes some
    assert max(abs(one - other) for one, other in levels) < gap
    assert all(not video.capture.isOpened() for video in frames.videos)


def test_nothing_is_overwritten(fuser, tmp_path):
    for name in ('a/vi', 'a/ir', 'b/vi', 'b/ir'):
        write_images(tmp_path / name, 1)
    with pytest.raises(ValueError, match='a/vi/000.png is one of the sources'):
        fuser(str(tmp_path / 'a/vi'), str(tmp_path / 'a/ir'), out_dir=tmp_path / 'a/vi')
    lists = [[str(tmp_path / f'{name}/{kind}/000.png') for name in 'ab'] for kind in ('vi', 'ir')]
    written = fuser(*lists, out_dir=tmp_path / 'out')
    assert [str(path.relative_to(tmp_path / 'out')) for path in written] == ['a/vi/000.png', 'b/vi/000.png']
    with pytest.raises(ValueError, match=r'1 results would be written twice, first .*out/000.png'):
        fuser(lists[0][:1] * 2, lists[1], out_dir=tmp_path / 'out')
    (tmp_path / 'linked folder').symlink_to(tmp_path / 'a')
    (tmp_path / 'links').mkdir()
    (tmp_path / 'links/000.png').symlink_to(tmp_path / 'linked folder/vi/000.png')
    for source in ('linked folder/vi', 'links'):
        with pytest.raises(ValueError, match='vi/000.png is one of the sources'):
            fuser(str(tmp_path / source), str(tmp_path / 'a/ir'), out_dir=tmp_path / 'a/vi')


def test_what_it_refuses(fuser, weights, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='Nothing can be written into'):
        fuser(colour(0), colour(1), out_dir=tmp_path / 'file/out')
    with pytest.raises(ValueError, match="outputs=.*'sum'.*none of fused, common"):
        fuser(colour(0), colour(1), outputs=['sum'])
    with pytest.raises(ValueError, match='float values outside 0 to 1'):
        fuser(colour(0) * 1.0, colour(1))
    with pytest.raises(ValueError, match='nothing to fuse'):
        fuser(None, None)
    with pytest.raises(ValueError, match='image 1 of 000000 is empty'):
        fuser(np.zeros((0, 4), np.uint8), colour(1))
    with pytest.raises(ValueError, match='is a folder, and not all other sources are'):
        fuser(str(tmp_path), colour(1))
    (tmp_path / 'picture.pth').write_bytes(b'no checkpoint')
    with pytest.raises(ValueError, match='picture.pth is neither a checkpoint'):
        FusionInferencer(str(tmp_path / 'picture.pth'))
    with pytest.raises(ValueError, match="task='xyz'"):
        FusionInferencer(weights, task='xyz')
    with pytest.raises(ValueError, match="target='keep' needs an infrared and a visible image"):
        FusionInferencer(weights, task='mef', target='keep')
    assert FusionInferencer(weights, target='keep', device='cpu').model.target == 'keep'
    with pytest.raises(FileNotFoundError, match='no.pth is not there'):
        FusionInferencer('no.pth')


def test_calls_that_overlap_leave_the_cores_as_they_were():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(8)
        first, second = shared_cores(2), shared_cores(4)
        with first:
            assert torch.get_num_threads() == 4
            second.__enter__()
            assert torch.get_num_threads() == 2  # of the eight, not of four
        second.__exit__(None, None, None)
        assert torch.get_num_threads() == 8
        with pytest.raises(KeyError), shared_cores(4):
            raise KeyError
        assert torch.get_num_threads() == 8
    finally:
        torch.set_num_threads(before)
