"""Seeded ways of spoiling a file."""

import re
import struct
import zlib
from collections.abc import Callable, Sequence

from numpy.random import Generator

HUGE = (
    '9' * 400,
    '1e999',
    '-1e999',
    'nan',
    '-inf',
    '-1',
    '0',
    '',
    '0x10',
    '1_000',
    '٣',
    '1e-320',
    '2147483648',
    'null',
)
SIZES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
Mutation = Callable[[bytes, Generator, Sequence[bytes]], bytes]


def place_in(data: bytes, draws: Generator) -> int:
    """A random place, half of them in the first 64 bytes, where headers stand."""
    end = len(data) if draws.random() < 0.5 else min(64, len(data))
    return int(draws.integers(end)) if end else 0


def flip_bits(data: bytes, draws: Generator, others: Sequence[bytes]) -> bytes:
    spoilt = bytearray(data)
    for _ in range(int(draws.integers(1, 9)) if data else 0):
        spoilt[place_in(data, draws)] ^= 1 << int(draws.integers(8))
    return bytes(spoilt)


def set_bytes(data: bytes, draws: Generator, others: Sequence[bytes]) -> bytes:
    place, length = place_in(data, draws), int(draws.integers(1, 9))
    return data[:place] + draws.bytes(length) + data[place + length :]


def truncate(data: bytes, draws: Generator, others: Sequence[bytes]) -> bytes:
    return data[: int(draws.integers(len(data) + 1))]


def splice(data: bytes, draws: Generator, others: Sequence[bytes]) -> bytes:
    other = others[int(draws.integers(len(others)))]
    return data[: int(draws.integers(len(data) + 1))] + other[int(draws.integers(len(other) + 1)) :]


def repeat(data: bytes, draws: Generator, others: Sequence[bytes]) -> bytes:
    start = place_in(data, draws)
    stop = start + int(draws.integers(1, 200))
    return data[:stop] + data[start:stop] * int(draws.integers(1, 20)) + data[stop:]


def remove(data: bytes, draws: Generator, others: Sequence[bytes]) -> bytes:
    start = place_in(data, draws)
    return data[:start] + data[start + int(draws.integers(1, 40)) :]


def set_size(data: bytes, draws: Generator, others: Sequence[bytes]) -> bytes:
    form = '<>'[draws.integers(2)] + 'BHIQ'[draws.integers(4)]
    length, place = struct.calcsize(form), place_in(data, draws)
    size = SIZES[int(draws.integers(len(SIZES)))] & (1 << 8 * length) - 1
    return data[:place] + struct.pack(form, size) + data[place + length :]


def set_number(data: bytes, draws: Generator, others: Sequence[bytes]) -> bytes:
    numbers = list(re.finditer(rb'-?\d+(\.\d+)?', data))
    if not numbers:
        return flip_bits(data, draws, others)
    found = numbers[int(draws.integers(len(numbers)))]
    return data[: found.start()] + HUGE[int(draws.integers(len(HUGE)))].encode() + data[found.end() :]


def nest(data: bytes, draws: Generator, others: Sequence[bytes]) -> bytes:
    place, depth = int(draws.integers(len(data) + 1)), int(10 ** draws.uniform(1, 5.5))
    start, end = ((b'[', b']'), (b'{"a":', b'}'), (b'<a>', b'</a>'), (b'<object>', b'</object>'))[draws.integers(4)]
    return data[:place] + start * depth + end * (depth if draws.random() < 0.5 else 0) + data[place:]


def encode(data: bytes, draws: Generator, others: Sequence[bytes]) -> bytes:
    text = data.decode('latin1')
    return (
        text.encode('utf-16'),
        text.encode('utf-32'),
        b'\xef\xbb\xbf' + data,
        data.replace(b' ', b'\0'),
        data.replace(b'\n', b'\r'),
        data.replace(b'e', b'\xe9'),
        b'<?xml version="1.0" encoding="utf-7"?>' + data,
        b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]>' + data.replace(b'car', b'&c;'),
    )[draws.integers(8)]


def mend_png(data: bytes) -> bytes:
    """The checksums of a PNG's chunks made right, so that what is in them is looked at."""
    place, mended = 8, bytearray(data)
    while place + 12 <= len(mended):
        (length,) = struct.unpack('>I', mended[place : place + 4])
        end = place + 8 + length
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = struct.pack('>I', zlib.crc32(mended[place + 4 : end]))
        place = end + 4
    return bytes(mended)


BINARY: tuple[Mutation, ...] = (flip_bits, set_bytes, truncate, splice, repeat, remove, set_size, set_size)
TEXT: tuple[Mutation, ...] = (flip_bits, truncate, splice, repeat, remove, set_number, set_number, nest, encode)


def mutate(bases: Sequence[bytes], draws: Generator, text: bool) -> bytes:
    """One of the files, spoilt in one to three ways."""
    data = bases[int(draws.integers(len(bases)))]
    for _ in range(int(draws.integers(1, 4))):
        ways = TEXT if text else BINARY
        data = ways[int(draws.integers(len(ways)))](data, draws, bases)
    return mend_png(data) if data.startswith(b'\x89PNG') and draws.random() < 0.7 else data
