import pickle
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.layouts import grey, write
from PIL import Image

from mmdefusion.utils.image_headers import UnusableImage, parse_header, read_header
from mmdefusion.utils.image_io import (
    FULL,
    check_scaling,
    decode_image,
    read_fourth_channel,
    read_image,
    read_stored,
    to_channels,
    to_uint8,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.bmp'])
def test_eight_bits_come_back_as_they_are(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f'a{suffix}', grey(0))
    assert (read_image(path)[..., 0] == grey(0)).all()
    assert (read_image(path, channels=3) == grey(0)[..., None]).all()


def test_equal_channels_become_that_channel() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (to_channels(np.repeat(every[..., None], 3, axis=2), 1)[..., 0] == every).all()


def test_colour_becomes_luma_and_stays_bgr_with_three_channels(tmp_path: Path) -> None:
    image = RNG.integers(0, 256, (8, 9, 3), dtype=np.uint8)
    path = write(tmp_path / 'a.png', image)
    assert (read_image(path, channels=3) == image).all()
    luma = image @ np.array([0.114, 0.587, 0.299])
    assert np.abs(read_image(path)[..., 0] - luma).max() <= 1


def test_alpha_is_dropped(tmp_path: Path) -> None:
    image = RNG.integers(0, 256, (8, 9, 4), dtype=np.uint8)
    assert (read_image(write(tmp_path / 'a.png', image), channels=3) == image[..., :3]).all()


@pytest.mark.parametrize('compression', [None, 'tiff_lzw'])
def test_colours_are_not_multiplied_by_a_tiff_s_alpha(compression: str | None, tmp_path: Path) -> None:
    """Pillow, as GDAL, calls a fourth channel alpha, and the library that OpenCV uses would multiply by it."""
    image = RNG.integers(0, 256, (8, 9, 4), dtype=np.uint8)
    path = str(tmp_path / 'a.tif')
    Image.fromarray(image[..., [2, 1, 0, 3]]).save(path, compression=compression)
    assert (read_image(path, channels=3) == image[..., :3]).all()
    assert (read_stored(path, alpha=True) == image).all()


def tiff(path: Path, values: np.ndarray, bits: int, photometric: int = 1, sample: int = 1) -> str:
    """A plain TIFF file of H×W values, packed without gaps where they have 10, 12 or 14 bits."""
    data = values.tobytes()
    if bits % 8:
        single = np.unpackbits(values.astype('>u2').view(np.uint8).reshape(*values.shape, 2), axis=2)[..., 16 - bits :]
        data = np.packbits(single.reshape(len(values), -1), axis=1).tobytes()
    height, width = values.shape
    shorts = {258: bits, 259: 1, 262: photometric, 277: 1, 339: sample}
    longs = {256: width, 257: height, 273: 8, 278: height, 279: len(data)}
    entries = [struct.pack('<HHIHH', tag, 3, 1, value, 0) for tag, value in shorts.items()]
    entries += [struct.pack('<HHII', tag, 4, 1, value) for tag, value in longs.items()]
    entries.sort(key=lambda entry: struct.unpack('<H', entry[:2]))
    path.write_bytes(
        b'II*\0'
        + struct.pack('<I', 8 + len(data))
        + data
        + struct.pack('<H', len(entries))
        + b''.join(entries)
        + bytes(4)
    )
    return str(path)


@pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
def test_negatives_are_turned_at_every_depth(tmp_path: Path, bits: int) -> None:
    values = (RNG.integers(0, 256, (8, 12)) * ((2**bits - 1) // 255)).astype(np.uint8 if bits == 8 else np.uint16)
    plain = read_image(tiff(tmp_path / 'a.tif', values, bits))
    assert (read_image(tiff(tmp_path / 'b.tif', 2**bits - 1 - values, bits, photometric=0)) == plain).all()
    assert plain.std() > 50


@pytest.mark.parametrize(('dtype', 'sample'), [(np.float32, 3), (np.int16, 2), (np.uint32, 1)])
def test_negatives_of_other_kinds_are_errors(tmp_path: Path, dtype: type, sample: int) -> None:
    path = tiff(tmp_path / 'a.tif', np.arange(96, dtype=dtype).reshape(8, 12), np.dtype(dtype).itemsize * 8, 0, sample)
    with pytest.raises(UnusableImage, match=f'TIFF of {np.dtype(dtype)} in which white is 0; write it with black as 0'):
        read_image(path)


@pytest.mark.parametrize('bits', [10, 12, 14])
@pytest.mark.parametrize('photometric', [0, 1])
def test_counts_of_packed_files_are_those_of_the_file(tmp_path: Path, bits: int, photometric: int) -> None:
    counts = RNG.integers(0, 2**bits, (8, 12)).astype(np.uint16)
    path = tiff(tmp_path / 'a.tif', counts if photometric else 2**bits - 1 - counts, bits, photometric)
    assert (read_stored(path, counts=True) == counts).all()
    low, high = 2**bits // 4, 2**bits // 2
    assert (read_image(path, fixed_range=(low, high)) == to_uint8(counts, fixed_range=(low, high))[..., None]).all()
    assert (read_image(path) == to_uint8(counts)[..., None]).all()
    whole = read_image(path, fixed_range=FULL)[..., 0].astype(float)  # the brightest stays white
    assert np.abs(whole - counts / (2**bits - 1) * 255).max() <= 1.01


def test_fixed_range_clips_and_rounds_and_never_wraps(tmp_path: Path) -> None:
    counts = np.array([[0, 1000, 1001, 2000, 3000, 65535]], np.uint16)
    path = write(tmp_path / 'a.png', counts)
    assert read_image(path, fixed_range=(1000, 3000))[0, :, 0].tolist() == [0, 0, 0, 128, 255, 255]


@pytest.mark.parametrize('suffix, dtype', [('.png', np.uint16), ('.tif', np.uint16), ('.tif', np.float32)])
def test_percentiles_stretch_each_image(tmp_path: Path, suffix: str, dtype: type) -> None:
    counts = (20000 + np.arange(1001).reshape(7, 143)).astype(dtype)
    values = read_image(write(tmp_path / f'a{suffix}', counts))[..., 0]
    low, high = np.percentile(counts, (1, 99))
    expected = np.rint((counts.astype(float) - low).clip(0, high - low) / (high - low) * 255)
    assert (values == expected).all()
    assert values.min() == 0 and values.max() == 255
    assert (np.diff(values.ravel().astype(int)) >= 0).all()


def test_sixteen_bit_colour(tmp_path: Path) -> None:
    image = np.repeat((np.arange(64, dtype=np.uint16) * 1000).reshape(8, 8, 1), 3, axis=2)
    path = write(tmp_path / 'a.png', image)
    assert (read_image(path) == read_image(path, channels=3)[..., :1]).all()
    assert read_header(path).deep


@pytest.mark.parametrize('dtype', [np.uint16, np.float32, np.float64])
def test_flat_image_is_black_and_a_hot_spot_is_not_lost(dtype: type) -> None:
    flat = np.full((20, 20), 7000, dtype)
    assert (to_uint8(flat) == 0).all()
    flat[3, 4] = 9000
    assert to_uint8(flat)[3, 4] == 255 and to_uint8(flat).sum() == 255


def test_float_range_does_not_overflow() -> None:
    image = np.array([[-3e38, 0, 3e38]], np.float32)
    assert to_uint8(image, percentiles=(0, 100)).tolist() == [[0, 128, 255]]


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_values_that_are_no_numbers_are_errors(value: float) -> None:
    with pytest.raises(ValueError, match=r'thermal\.tif has NaN or infinite'):
        to_uint8(np.array([[0, value]], np.float32), 'thermal.tif')


@pytest.mark.parametrize('dtype', [np.int16, np.int32, bool])
def test_other_dtypes_are_errors(dtype: type) -> None:
    with pytest.raises(ValueError, match=f'dtype {np.dtype(dtype)}'):
        to_uint8(np.zeros((2, 2), dtype))


def test_other_channel_counts_are_errors() -> None:
    with pytest.raises(ValueError, match=r'a\.png has shape \(4, 4, 2\)'):
        to_channels(np.zeros((4, 4, 2), np.uint8), 1, 'a.png')


@pytest.mark.parametrize('suffix', ['jpg', 'png'])
@pytest.mark.parametrize('mode', ['L', 'RGB'])
def test_exif_orientation_turns_the_partner_as_it_turns_the_visible_image(
    tmp_path: Path, suffix: str, mode: str
) -> None:
    path = str(tmp_path / f'a.{suffix}')
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise
    Image.fromarray(grey(0)).convert(mode).save(path, exif=exif)
    visible = cv2.imread(path)
    assert visible.shape == (64, 48, 3)
    assert (read_image(path)[..., 0] == visible[..., 0]).all()
    header = read_header(path)
    assert (header.width, header.height) == (48, 64)


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'webp', 'tiff'])
@pytest.mark.parametrize('orientation', [0, 1, 2, 5, 6, 8, 9, 99])
def test_headers_are_turned_as_the_image_is(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = str(tmp_path / f'a.{suffix}')
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(grey(0)).convert('RGB').save(path, exif=exif)
    header, image = read_header(path), read_image(path)
    assert (header.height, header.width) == image.shape[:2]


def webp(chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b''.join(kind + len(data).to_bytes(4, 'little') + data + b'\0' * (len(data) % 2) for kind, data in chunks)
    return b'RIFF' + (4 + len(body)).to_bytes(4, 'little') + b'WEBP' + body


TURNED = b'MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'
UPRIGHT = TURNED.replace(b'\x06', b'\x01')
VP8X = bytes([0x08, 0, 0, 0, 59, 0, 0, 39, 0, 0])  # 60x40, with EXIF data
EXIF_CHUNKS = {
    'first': [TURNED, None],
    'last': [None, TURNED],
    'two': [None, UPRIGHT, TURNED],
    'two, the first turned': [TURNED, None, UPRIGHT],
    'prefix of JPEG': [None, b'Exif\0\0' + TURNED],
    'broken': [None, TURNED[:12]],
    'empty': [None, b''],
    'none': [None],
}


@pytest.mark.parametrize('name', EXIF_CHUNKS)
@pytest.mark.parametrize('flag', [0x08, 0])
def test_webp_is_turned_by_the_chunk_that_opencv_reads(name: str, flag: int) -> None:
    """None stands for the image itself."""
    encoded = bytes(cv2.imencode('.webp', np.zeros((40, 60, 3), np.uint8), [cv2.IMWRITE_WEBP_QUALITY, 80])[1])
    start = encoded.index(b'VP8 ')
    size = int.from_bytes(encoded[start + 4 : start + 8], 'little')
    picture = (b'VP8 ', encoded[start + 8 : start + 8 + size])
    chunks = [picture if exif is None else (b'EXIF', exif) for exif in EXIF_CHUNKS[name]]
    content = webp([(b'VP8X', bytes([flag]) + VP8X[1:]), *chunks])
    header, image = parse_header(content, 'a.webp'), decode_image(content, 'a.webp')
    assert (header.height, header.width) == image.shape[:2]


def test_values_too_far_apart_are_an_error() -> None:
    with pytest.raises(ValueError, match=r'thermal\.tif has values from -1\.7e\+308 to 1\.7e\+308, too far apart'):
        to_uint8(np.array([[-1.7e308, 1.7e308]]), 'thermal.tif', percentiles=(0, 100))
    with pytest.raises(ValueError, match='too far apart'):
        to_uint8(np.array([[-1.7e308, 1.7e308, 0, 1]]))
    assert to_uint8(np.array([[-8e307, 8e307]]), percentiles=(0, 100)).tolist() == [[0, 255]]


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_cut_files_are_errors(tmp_path: Path, suffix: str) -> None:
    content = Path(write(tmp_path / f'a{suffix}', RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))).read_bytes()
    decode_image(content, 'whole')
    with pytest.raises(ValueError, match='half is cut short'):
        decode_image(content[: len(content) // 2], 'half')


@pytest.mark.parametrize('content', [b'', b'<html>not found</html>'])
def test_what_is_no_image_is_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match='page is not an image'):
        decode_image(content, 'page')


def test_fourth_channel(tmp_path: Path) -> None:
    image = RNG.integers(0, 256, (8, 9, 4), dtype=np.uint8)
    assert (read_fourth_channel(write(tmp_path / 'a.png', image)) == image[..., 3:]).all()
    path = write(tmp_path / 'b.png', image[..., 0])
    with pytest.raises(ValueError, match=r'b\.png has 1 channel'):
        read_fourth_channel(path)


def test_the_full_range_is_that_of_the_dtype() -> None:
    assert to_uint8(np.array([[0, 257, 65535]], np.uint16), fixed_range=FULL).tolist() == [[0, 1, 255]]
    assert to_uint8(np.array([[0, 20]], np.uint16), fixed_range=np.array([0, 40])).tolist() == [[0, 128]]
    sent = pickle.loads(pickle.dumps(FULL))  # to another process
    assert to_uint8(np.array([[0, 65535]], np.uint16), fixed_range=sent).tolist() == [[0, 255]]
    for dtype in (np.float16, np.float32, np.float64):
        assert to_uint8(np.array([[0, 0.2, 1]], dtype), fixed_range=FULL).tolist() == [[0, 51, 255]]
    for values in ([0, 1.5], [-0.1, 1]):
        with pytest.raises(UnusableImage, match='float values outside 0 to 1; scale them'):
            to_uint8(np.array([values]), fixed_range=FULL)


@pytest.mark.parametrize(
    'percentiles, fixed_range',
    [
        ((99, 1), None),
        ((1,), None),
        ((-1, 99), None),
        ((1, 101), None),
        ((1, 99), (5, 5)),
        ((1, 99), (1, 2, 3)),
        ((1, 99), 'half'),
    ],
)
def test_senseless_scaling_is_an_error(percentiles: tuple, fixed_range: tuple | None) -> None:
    with pytest.raises(ValueError, match='must be'):
        check_scaling(percentiles, fixed_range)


def test_a_range_may_be_an_array_and_be_the_whole_one() -> None:
    assert check_scaling([1, 99], np.array([20, 50])) == ((1, 99), (20, 50))
    assert check_scaling((1.0, 99.0), FULL) == ((1.0, 99.0), FULL)
