"""All hostile checkpoints: 535 files of every kind, written one at a time."""

import gzip
import json
import os
import random
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import torch

from . import hostile_configs, hostile_pickles
from .canary import Canary
from .hostile_pickles import Writer

MANY = 2**60
TENSOR = {'dtype': 'F32', 'shape': [4], 'data_offsets': [0, 16]}


def corpus(canary: Canary) -> Iterator[tuple[str, Writer]]:
    """Each file's name and what writes it."""
    fuser = hostile_configs.Fuser()
    yield from hostile_pickles.code(canary)
    yield from hostile_configs.calling_configs(canary, fuser)
    yield from hostile_configs.sources(canary, fuser)
    yield from hostile_configs.sizes(fuser)
    yield from hostile_configs.tensors(fuser)
    yield from hostile_pickles.bombs()
    yield from safetensors(canary)
    yield from damaged(fuser)
    yield from no_files(canary)


def packed(header: bytes | dict, data: bytes = b'\0' * 16, length: int | None = None) -> Writer:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return lambda path: path.write_bytes(struct.pack('<Q', len(text) if length is None else length) + text + data)


def safetensors(canary: Canary) -> Iterator[tuple[str, Writer]]:
    """Headers that lie, and metadata that asks for more than data."""
    call = {'model': {'backbone': {'type': 'os.system', 'command': f'touch {canary.file}'}}}
    kinds = {
        'header of an exabyte': packed(b'{}', length=MANY),
        'header longer than the file': packed(b'{}', length=100),
        'header of 2**64 - 1': packed(b'{}', length=2**64 - 1),
        'header of 100 MB': packed(b'{' + b' ' * 10**8 + b'}'),
        'no JSON': packed(b'{"a": '),
        'deep JSON': packed(b'{"a":' * 10**5 + b'1' + b'}' * 10**5),
        'list': packed(b'[]'),
        'no UTF-8': packed(b'{"\xff": 1}'),
        'short data': packed({'a': TENSOR}, b'\0' * 8),
        'more data': packed({'a': TENSOR}, b'\0' * 32),
        'offsets beyond': packed({'a': dict(TENSOR, data_offsets=[0, MANY])}),
        'offsets backwards': packed({'a': dict(TENSOR, data_offsets=[16, 0])}),
        'negative offsets': packed({'a': dict(TENSOR, data_offsets=[-16, 0])}),
        'overlapping offsets': packed({'a': TENSOR, 'b': TENSOR}),
        'overlapping in part': packed({'a': TENSOR, 'b': dict(TENSOR, data_offsets=[8, 24])}, b'\0' * 24),
        'hole between': packed({'a': TENSOR, 'b': dict(TENSOR, data_offsets=[32, 48])}, b'\0' * 48),
        'shape that overflows': packed({'a': dict(TENSOR, shape=[MANY, MANY, 4])}),
        'shape of nothing': packed({'a': dict(TENSOR, shape=[0, MANY], data_offsets=[0, 0])}, b''),
        'negative shape': packed({'a': dict(TENSOR, shape=[-4])}),
        'a thousand dimensions': packed({'a': dict(TENSOR, shape=[1] * 1000 + [4])}),
        'unknown type': packed({'a': dict(TENSOR, dtype='OBJECT')}),
        'integers': packed({'a': dict(TENSOR, dtype='I32')}),
        'name twice': packed(b'{"a":%b,"a":%b}' % ((json.dumps(TENSOR).encode(),) * 2)),
        'metadata of numbers': packed({'__metadata__': {'mmdefusion': 1}, 'a': TENSOR}),
        'deep metadata': packed({'__metadata__': {'mmdefusion': '[' * 10**5}, 'a': TENSOR}),
        'metadata that calls': packed({'__metadata__': {'mmdefusion': json.dumps(call)}, 'a': TENSOR}),
        'metadata of NaN': packed({'__metadata__': {'mmdefusion': '{"iter": NaN}'}, 'a': TENSOR}),
        'NaN': packed({'backbone.cls_token': TENSOR}, struct.pack('<4f', *(float('nan'),) * 4)),
        'no tensors': packed({}, b''),
    }
    for kind, write in kinds.items():
        yield f'safetensors: {kind}', write


def damaged(fuser: hostile_configs.Fuser) -> Iterator[tuple[str, Writer]]:
    """Whole checkpoints cut off, or with flipped bytes, and other formats."""

    def whole(path: Path, new: bool = True) -> bytes:
        content = {'state_dict': dict(list(fuser.state.items())[:20]), 'meta': {'iter': 1}}
        torch.save(content, path, _use_new_zipfile_serialization=new)
        return path.read_bytes()

    def cut(path: Path, share: float, new: bool) -> None:
        content = whole(path, new)
        path.write_bytes(content[: int(len(content) * share)])

    def flipped(path: Path, seed: int, new: bool) -> None:
        content, draw = bytearray(whole(path, new)), random.Random(seed)
        # where the structure is: the first kilobytes, and the directory at the end
        for _ in range(8):
            content[draw.choice((draw.randrange(4000), len(content) - 1 - draw.randrange(3000)))] ^= draw.randrange(
                1, 256
            )
        path.write_bytes(content)

    for new in (True, False):
        name = 'zip' if new else 'legacy'
        for share in (0.0, 0.01, 0.3, 0.9, 0.99, 0.999):
            yield f'{name} cut at {share}', lambda path, share=share, new=new: cut(path, share, new)
        for seed in range(10):
            yield f'{name} with flipped bytes {seed}', lambda path, seed=seed, new=new: flipped(path, seed, new)
    script = torch.jit.script(torch.nn.Linear(2, 2))
    kinds: dict[str, Writer] = {
        'torchscript': lambda path: torch.jit.save(script, str(path)),
        'HTML': lambda path: path.write_text('<!DOCTYPE html><title>404</title>'),
        'gzip': lambda path: path.write_bytes(gzip.compress(b'\0' * 10**7)),
        'zeros': lambda path: path.write_bytes(bytes(10**6)),
        'spaces': lambda path: path.write_bytes(b' ' * 10**6),
        'magic alone': lambda path: path.write_bytes(hostile_pickles.LEGACY),
        'end of an archive': lambda path: path.write_bytes(b'PK\x05\x06' + bytes(18)),
        'list': lambda path: torch.save([torch.ones(1)], path),
        'tensor': lambda path: torch.save(torch.ones(1), path),
        'number': lambda path: torch.save(7, path),
        'wrapped and wrapped': lambda path: torch.save({'state_dict': {'model': {'state_dict': fuser.state}}}, path),
        'nothing': lambda path: torch.save({}, path),
    }
    yield from kinds.items()


def no_files(canary: Canary) -> Iterator[tuple[str, Writer]]:
    """What has a name and is no file."""

    def bound(path: Path) -> None:
        before = Path.cwd()
        os.chdir(path.parent)  # paths of sockets are short
        try:
            with socket.socket(socket.AF_UNIX) as end:
                end.bind(path.name)
        finally:
            os.chdir(before)  # what runs next must not stand in a folder that is about to be removed

    yield from {
        'folder': Path.mkdir,
        'pipe': os.mkfifo,
        'socket': bound,
        'endless device': lambda path: path.symlink_to('/dev/zero'),
        'null device': lambda path: path.symlink_to('/dev/null'),
        'link to nothing': lambda path: path.symlink_to(canary.file),
        'link to itself': lambda path: path.symlink_to(path),
        'absent': lambda path: None,
    }.items()
