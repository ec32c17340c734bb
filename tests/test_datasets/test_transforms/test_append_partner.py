import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.layouts import grey, write
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmdefusion.datasets.transforms import AppendPartner
from mmdefusion.registry import TRANSFORMS


@pytest.fixture
def pair(tmp_path: Path) -> dict:
    """Paths of a colour visible image and of its grey partner, the negative of the green channel."""
    visible = np.dstack([grey(1), grey(2), grey(3)])
    return dict(
        img_path=write(tmp_path / 'visible/a.png', visible),
        img_ir_path=write(tmp_path / 'infrared/a.png', 255 - grey(2)),
    )


def load(paths: dict, **options) -> dict:
    return AppendPartner(**options)(LoadImageFromFile()(dict(paths)))


def test_partner_becomes_the_fourth_channel(pair: dict) -> None:
    results = load(pair)
    assert results['img'].shape == (48, 64, 4) and results['img'].dtype == np.uint8
    assert (results['img'][..., :3] == cv2.imread(pair['img_path'])).all()
    assert (results['img'][..., 3] == 255 - grey(2)).all()
    assert results['img_ir_path'] == pair['img_ir_path']
    assert results['partner_missing'] is False
    assert results['img_shape'] == (48, 64)


def test_three_channels_make_six(pair: dict) -> None:
    results = load(pair, channels=3)
    assert results['img'].shape == (48, 64, 6)
    assert (results['img'][..., 3:] == 255 - grey(2)[..., None]).all()


def test_rule_finds_the_partner_and_the_data_set_has_the_first_word(pair: dict) -> None:
    options = dict(rule=(r'/visible/(\w+)', r'/infrared/\1'))
    found = load(dict(img_path=pair['img_path']), **options)
    assert (found['img'] == load(pair)['img']).all()
    assert Path(found['img_ir_path']) == Path(pair['img_ir_path'])
    assert load(pair, rule=('/visible/', '/nowhere/'))['img_ir_path'] == pair['img_ir_path']


def test_rule_that_changes_nothing_is_an_error(pair: dict) -> None:
    with pytest.raises(ValueError, match=r"rule=\('/rgb/', '/ir/'\) leaves .*visible/a\.png as it is"):
        load(dict(img_path=pair['img_path']), rule=('/rgb/', '/ir/'))


def test_neither_path_nor_rule_is_an_error(pair: dict) -> None:
    with pytest.raises(ValueError, match=r'img_ir_path, or give AppendPartner a rule'):
        load(dict(img_path=pair['img_path']))


@pytest.mark.parametrize('channels', [3, 4])
def test_an_array_is_an_error_that_names_the_call_for_arrays(channels: int) -> None:
    """What the stock inferencers of mmdet and mmseg hand on for an array."""
    results = dict(img=np.zeros((8, 8, channels), np.uint8), img_path=None)
    with pytest.raises(ValueError, match='as an array has no partner.*PairedDetInferencer or PairedSegInferencer'):
        AppendPartner(rule=('/vi/', '/ir/'))(results)


def test_own_file_gives_its_fourth_channel(tmp_path: Path) -> None:
    path = write(tmp_path / '00001D.png', np.dstack([grey(1), grey(2), grey(3), grey(4)]))
    results = load(dict(img_path=path, img_ir_path=path))
    assert (results['img'] == np.dstack([grey(1), grey(2), grey(3), grey(4)])).all()


def test_own_file_without_a_fourth_channel_is_an_error(pair: dict) -> None:
    with pytest.raises(ValueError, match=r'visible/a\.png has 3 channel'):
        load(dict(img_path=pair['img_path'], img_ir_path=pair['img_path']))


@pytest.mark.parametrize('missing, channels', [('zeros', 1), ('zeros', 3), ('copy', 1), ('copy', 3)])
def test_stand_ins_for_an_absent_partner(pair: dict, missing: str, channels: int) -> None:
    results = load({**pair, 'img_ir_path': 'absent.png'}, missing=missing, channels=channels)
    visible = cv2.imread(pair['img_path'])
    grey_visible = cv2.cvtColor(visible, cv2.COLOR_BGR2GRAY)[..., None]
    expected = np.zeros((1, 1, 1)) if missing == 'zeros' else grey_visible if channels == 1 else visible
    assert results['partner_missing'] is True
    assert results['img'].shape[2] == 3 + channels and results['img'].dtype == np.uint8
    assert (results['img'][..., 3:] == expected).all()


@pytest.mark.parametrize('kind', ['float32', 'float64'])
def test_a_copy_of_floats(pair: dict, kind: str) -> None:
    step = TRANSFORMS.build(dict(type='mmdefusion.AppendPartner', missing='copy'))
    visible = cv2.imread(pair['img_path']).astype(kind)
    image = step({**pair, 'img': visible, 'img_ir_path': 'absent.png'})['img']
    assert image.dtype == kind and np.allclose(image[..., 3], visible @ [0.114, 0.587, 0.299], atol=1e-2)


def test_absent_partner_is_an_error(pair: dict) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.png of .*a\.png is not there; .*missing='zeros'"):
        load({**pair, 'img_ir_path': 'absent.png'})


@pytest.mark.parametrize('missing', ['error', 'zeros', 'copy'])
def test_broken_partner_is_always_an_error(pair: dict, missing: str) -> None:
    Path(pair['img_ir_path']).write_bytes(b'no image')
    with pytest.raises(ValueError, match=r'infrared/a\.png is not an image'):
        load(pair, missing=missing)


def test_other_size_is_an_error_or_resized(pair: dict) -> None:
    write(Path(pair['img_ir_path']), cv2.resize(grey(2), (32, 24)))
    with pytest.raises(ValueError, match=r'infrared/a\.png is 32x24, visible image .*a\.png is 64x48; .*resize'):
        load(pair)
    resized = load(pair, size_mismatch='resize')['img']
    assert resized.shape == (48, 64, 4)
    assert np.abs(resized[..., 3].astype(int) - grey(2)).mean() < 4


def test_a_visible_image_whose_size_has_changed(pair: dict) -> None:
    """Expand leaves no key; but a step that cuts the visible image to the view of a smaller partner is welcome."""
    results = LoadImageFromFile()(dict(pair))
    results['img'] = np.zeros((80, 100, 3), np.uint8)
    with pytest.raises(
        ValueError, match=r'already moved or scaled \(100x80, and 64x48 as it was read\): put AppendPar'
    ):
        AppendPartner(size_mismatch='resize')(results)
    cut = LoadImageFromFile()(
        dict(pair, img_path=write(Path(pair['img_path']).with_name('b.png'), np.dstack([grey(1, 96, 128)] * 3)))
    )
    cut['img'] = cut['img'][10:58, 10:74]
    assert AppendPartner()(cut)['img'].shape == (48, 64, 4)


def test_sixteen_bits(pair: dict) -> None:
    counts = 30000 + grey(2).astype(np.uint16) * 10
    write(Path(pair['img_ir_path']), counts)
    fixed = load(pair, fixed_range=(30000, 32550))['img'][..., 3]
    assert (fixed == grey(2)).all()
    for options, percentiles in (({}, (1, 99)), (dict(percentiles=(10, 80)), (10, 80))):
        low, high = np.percentile(counts, percentiles)
        wanted = np.rint((counts.clip(low, high) - low) / (high - low) * 255)
        assert (load(pair, **options)['img'][..., 3] == wanted).all()


def test_unexpected_dtype_of_the_partner_is_an_error(pair: dict, tmp_path: Path) -> None:
    path = write(tmp_path / 'a.tif', grey(0).astype(np.int32))
    with pytest.raises(ValueError, match=r'a\.tif has dtype int32'):
        load({**pair, 'img_ir_path': path})


def test_exif_turns_both_images(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    paths = dict(img_path=str(tmp_path / 'vi.jpg'), img_ir_path=str(tmp_path / 'ir.jpg'))
    Image.fromarray(grey(0)).convert('RGB').save(paths['img_path'], exif=exif)
    Image.fromarray(grey(0)).save(paths['img_ir_path'], exif=exif)
    image = load(paths)['img']
    assert image.shape == (64, 48, 4)
    assert np.abs(image[..., 3].astype(int) - image[..., 0]).max() <= 1


def test_float_image_of_a_photometric_transform_keeps_its_dtype(pair: dict) -> None:
    results = LoadImageFromFile(to_float32=True)(dict(pair))
    image = AppendPartner()(results)['img']
    assert image.dtype == np.float32 and (image[..., 3] == 255 - grey(2)).all()


@pytest.mark.parametrize('image', [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), int)])
def test_unexpected_visible_image_is_an_error(pair: dict, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match='not HxWx3 uint8'):
        AppendPartner()({**pair, 'img': image})


@pytest.mark.parametrize(
    'options',
    [
        dict(channels=2),
        dict(size_mismatch='crop'),
        dict(missing='ignore'),
        dict(percentiles=(99, 1)),
        dict(fixed_range=(1, 1)),
        dict(rule='/visible/'),
        dict(rule=('/visible/', 1)),
        dict(rule=('(', 'x')),
    ],
)
def test_senseless_options_are_errors(options: dict) -> None:
    with pytest.raises(ValueError, match=f'{next(iter(options))}=') as error:
        AppendPartner(**options)
    assert '\n' not in str(error.value)


def test_is_registered_pickles_and_prints(pair: dict) -> None:
    transform = TRANSFORMS.build(dict(type='mmdefusion.AppendPartner', missing='copy', fixed_range=[0, 100]))
    again = pickle.loads(pickle.dumps(transform))
    assert repr(again) == repr(transform)
    assert "missing='copy'" in repr(transform) and 'fixed_range=(0, 100)' in repr(transform)
    assert (again(LoadImageFromFile()(dict(pair)))['img'] == load(pair)['img']).all()


@pytest.mark.parametrize('step', [dict(type='RandomFlip', prob=0.0), dict(type='Resize', scale=(32, 24))])
def test_a_geometric_transform_before_it_is_an_error(pair: dict, step: dict) -> None:
    moved = TRANSFORMS.build(step)(LoadImageFromFile()(pair))
    with pytest.raises(ValueError, match='put AppendPartner before Resize, RandomCrop, RandomFlip'):
        AppendPartner()(moved)
