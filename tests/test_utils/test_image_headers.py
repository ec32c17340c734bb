"""Files that cost more than they show are refused before anything is decoded."""

import functools
import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.layouts import grey, write
from PIL import Image

from mmdefusion.utils.image_headers import UnusableImage, parse_header, read_header
from mmdefusion.utils.image_io import decode_image, read_fourth_channel, read_image, to_uint8
from mmdefusion.utils.jpeg_scans import jpeg_scans


def png(width: int, height: int, *chunks: tuple[bytes, bytes], data: bytes = b'') -> bytes:
    """A grey PNG file whose header says what it likes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))

    header = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0))
    rest = b''.join(chunk(kind, body) for kind, body in chunks)
    return b'\x89PNG\r\n\x1a\n' + header + rest + chunk(b'IDAT', zlib.compress(data)) + chunk(b'IEND', b'')


def tiff(tags: list[tuple[int, int, int]], following: int = 0) -> bytes:
    """A TIFF file of the tags (number, type, value)."""
    entries = b''.join(struct.pack('<HHII', tag, kind, 1, value) for tag, kind, value in tags)
    return b'II*\0' + struct.pack('<IH', 8, len(tags)) + entries + struct.pack('<I', following) + b'\0' * 64


@functools.cache
def bombs() -> dict[str, bytes]:
    jpeg = bytearray(cv2.imencode('.jpg', grey(0))[1].tobytes())
    place = jpeg.find(b'\xff\xc0')
    jpeg[place + 5 : place + 9] = struct.pack('>HH', 60000, 60000)
    bmp = bytearray(cv2.imencode('.bmp', grey(0))[1].tobytes())
    bmp[18:26] = struct.pack('<ii', 60000, 60000)
    webp = b'RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0' + (16382).to_bytes(3, 'little') * 2
    large = [(256, 4, 60000), (257, 4, 60000)]
    tiles = [(256, 4, 16), (257, 4, 16), (322, 4, 60000), (323, 4, 60000)]
    return dict(
        png=png(12000, 12000, data=bytes(12001 * 12000)),
        jpeg=bytes(jpeg),
        bmp=bytes(bmp),
        tiff=tiff(large),
        tiles=tiff(tiles),
        webp=webp,
    )


@pytest.mark.parametrize('name', ['png', 'jpeg', 'bmp', 'tiff', 'tiles', 'webp'])
def test_bombs_are_refused_by_their_header(name: str, tmp_path: Path) -> None:
    content = bombs()[name]
    path = tmp_path / f'{name}.png'
    path.write_bytes(content)
    assert len(content) < 300_000
    tracemalloc.start()
    for read in (read_image, read_fourth_channel, read_header):
        with pytest.raises(UnusableImage, match=r'million pixels to decode, more than max_pixels=64000000; shrink it'):
            read(str(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


def test_the_limit_is_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / 'a.png', grey(0))
    assert read_image(path, limit=64 * 48).shape == (48, 64, 1)
    with pytest.raises(UnusableImage, match='more than max_pixels=3071'):
        read_image(path, limit=64 * 48 - 1)
    monkeypatch.setenv('MMDEFUSION_MAX_PIXELS', '1000')
    with pytest.raises(UnusableImage, match='more than max_pixels=1000'):
        read_image(path)
    for value in ('many', '0', '-5', '9' * 5000):
        monkeypatch.setenv('MMDEFUSION_MAX_PIXELS', value)
        with pytest.raises(ValueError, match='MMDEFUSION_MAX_PIXELS=.{1,45} must be a whole number'):
            read_image(path)


@pytest.mark.parametrize('kind', ['folder', 'named pipe', 'device'])
def test_only_regular_files_are_opened(kind: str, tmp_path: Path) -> None:
    path = tmp_path / 'a.png'
    if kind == 'folder':
        path.mkdir()
    elif kind == 'named pipe':
        os.mkfifo(path)  # opening it would wait for ever
    else:
        path = Path('/dev/zero')
    for read in (read_image, read_fourth_channel, read_header):
        with pytest.raises(UnusableImage, match=f'is a {kind}, not a regular file'):
            read(str(path))
    link = tmp_path / 'link.png'
    link.symlink_to(path)
    with pytest.raises(UnusableImage, match='not a regular file'):
        read_image(str(link))


def test_a_file_has_no_more_bytes_than_its_pixels_explain(tmp_path: Path) -> None:
    comment = b'Comment\0' + b'x' * 40 * 2**20
    content = png(4, 4, (b'tEXt', comment), data=bytes(20))
    with pytest.raises(UnusableImage, match='too many for 16 pixels|cannot|not an image'):
        decode_image(content, 'a.png')
    packed = png(4, 4, (b'zTXt', b'Comment\0\0' + zlib.compress(bytes(70 * 2**20))), data=bytes(20))
    with pytest.raises(UnusableImage):
        decode_image(packed, 'a.png')
    sparse = tmp_path / 'sparse.png'
    with sparse.open('wb') as file:
        file.truncate(3 * 2**30)
    with pytest.raises(UnusableImage, match='bytes, too many'):
        read_image(str(sparse))


def test_a_length_that_the_file_does_not_have_takes_no_memory() -> None:
    content = bytearray(png(16, 12, data=bytes(17 * 12)))
    content[33:37] = struct.pack('>I', 1_245_315_865)  # of the pixels: 1.2 GB in a file of 100 bytes
    with pytest.raises(UnusableImage, match='a length in it is wrong'):
        decode_image(bytes(content), 'a.png')


def test_two_sizes_in_one_png_are_refused() -> None:
    second = (b'IHDR', struct.pack('>IIBBBBB', 4, 4, 8, 0, 0, 0, 0))
    with pytest.raises(UnusableImage, match='two sizes'):
        decode_image(png(7000, 7000, second, data=bytes(20)), 'a.png')


def test_a_tag_that_stands_twice_is_refused() -> None:
    with pytest.raises(UnusableImage, match='stands twice'):
        decode_image(tiff([(256, 4, 7000), (256, 4, 4), (257, 4, 4)]), 'a.tif')


def test_a_jpeg_of_many_scans_is_refused() -> None:
    with pytest.raises(UnusableImage, match='more than 200 scans'):
        decode_image(cv2.imencode('.jpg', grey(0))[1].tobytes()[:-2] + b'\xff\xda\0\2' * 300 + b'\xff\xd9', 'a.jpg')
    many = cv2.imencode('.jpg', grey(0))[1].tobytes()[:-2] + b'\xff\xfe\0\2' * 2**17 + b'\xff\xd9'
    with pytest.raises(UnusableImage, match='is cut short'):  # after so many segments nobody looks for the end
        decode_image(many, 'a.jpg')
    buffer = io.BytesIO()
    Image.fromarray(grey(0)).save(buffer, 'jpeg', progressive=True)
    assert decode_image(buffer.getvalue(), 'a.jpg').shape == (48, 64)


@pytest.mark.parametrize(
    'behind', [b'\xff\xda\0\2' * 300, b'\xff\xd9' + bytes(9) + b'\xff\xda', b'\xff' * 10**6 + b'\0']
)
def test_what_stands_behind_the_end_of_a_jpeg_does_not_matter(behind: bytes) -> None:
    """Phones append films, other cameras further pictures."""
    content = cv2.imencode('.jpg', grey(0))[1].tobytes()
    assert np.array_equal(decode_image(content + behind, 'a.jpg'), decode_image(content, 'a.jpg'))


def test_scans_are_not_hidden_behind_what_looks_like_a_segment() -> None:
    """In the data of a scan libjpeg passes over markers that it does not know, without a length."""
    start = cv2.imencode('.jpg', grey(0))[1].tobytes()[:-2]
    for marker in (0x01, 0x02, 0xBF, 0xD0, 0xD7):
        hidden = b'\xff' + bytes([marker]) + b'\xff\xff' + b'\xff\xda\0\2' * 300
        assert jpeg_scans(start + hidden + bytes(2**16) + b'\xff\xd9').count >= 300


@pytest.mark.parametrize('options', [{}, dict(progressive=True), dict(restart_marker_blocks=1)])
def test_a_jpeg_that_lacks_its_end_is_refused_wherever_it_was_cut(options: dict) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    thumbnail, buffer = io.BytesIO(), io.BytesIO()
    Image.fromarray(grey(1)).save(thumbnail, 'jpeg')
    comment = thumbnail.getvalue()  # a whole picture inside a segment
    Image.fromarray(noise).save(buffer, 'jpeg', quality=95, comment=comment, **options)
    content = buffer.getvalue()
    assert decode_image(content, 'a.jpg').shape == (48, 64, 3)
    for length in range(2, len(content) - 1, 97):
        with pytest.raises(UnusableImage, match='is cut short'):
            decode_image(content[:length], 'a.jpg')


def test_several_pictures_in_a_file_are_refused(tmp_path: Path) -> None:
    first, second = Image.fromarray(grey(0)), Image.fromarray(grey(1))
    for suffix in ('.tif', '.png', '.webp'):
        path = str(tmp_path / f'a{suffix}')
        first.save(path, save_all=True, append_images=[second])
        with pytest.raises(UnusableImage, match='holds 2 pictures or more'):
            read_image(path)
        first.save(path)
        assert read_image(path).shape == (48, 64, 1)


@pytest.mark.parametrize('channels', [1, 3, 4])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32, np.float64])
def test_headers_of_tiff_files_are_those_of_the_decoded_images(tmp_path: Path, dtype: type, channels: int) -> None:
    image = np.zeros((6, 9, channels), dtype)
    path = write(tmp_path / 'a.tif', image)
    header = read_header(path)
    assert (header.width, header.height, header.channels) == (9, 6, channels)
    assert header.deep == (dtype != np.uint8)


def test_big_tiff_and_either_byte_order() -> None:
    def big(order: str) -> bytes:
        entries = b''.join(
            struct.pack(f'{order}HHQ', tag, 4, 1) + struct.pack(f'{order}I', value) + bytes(4)
            for tag, value in ((256, 9), (257, 6))
        )
        start = (b'II' if order == '<' else b'MM') + struct.pack(f'{order}HHHQQ', 43, 8, 0, 16, 2)
        return start + entries + bytes(8)

    for order in '<>':
        header = parse_header(big(order), 'a.tif')
        assert (header.width, header.height) == (9, 6)


def test_scaling_makes_no_copy_in_double_precision() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 65536, (1000, 1200), dtype=np.uint16)
    for image, share in ((counts, 1.5), (rng.random((1000, 1200), dtype=np.float32), 1.6)):
        tracemalloc.start()
        to_uint8(image)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < share * image.nbytes + 12_000_000, peak / image.nbytes


@pytest.mark.parametrize('dtype', [np.uint16, np.float16, np.float32, np.float64])
def test_scaling_is_that_of_double_precision(dtype: type) -> None:
    rng = np.random.default_rng(1)
    for shape, percentiles in (((300, 7), (1, 99)), ((5, 5, 3), (0.3, 71.5)), ((1, 2), (0, 100)), ((1, 9), (33, 34))):
        image = (rng.random(shape) * 30000).astype(dtype)
        exact = image.astype(np.float64)
        low, high = np.percentile(exact, percentiles)
        expected = np.rint(((exact - low) / (high - low)).clip(0, 1) * 255)
        assert (to_uint8(image, percentiles=percentiles) == expected).all()
