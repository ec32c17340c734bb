"""Checkpoints that ask for calls as they are unpickled, and bombs."""

import builtins
import io
import os
import pickle
import runpy
import shutil
import struct
import subprocess
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from .canary import Canary

Writer = Callable[[Path], object]
LEGACY = b'\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.'  # begins files of torch before 1.6
ONE = {'state_dict': {'a': torch.ones(1)}}


class Call:
    """Pickled, it is a call."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple:
        return self.function, self.arguments


def calls(canary: Canary) -> dict[str, Call]:
    file, victim = str(canary.file), str(canary.victim)
    source = f'open({file!r}, "w").close()'
    return {
        'os.system': Call(os.system, f'touch {file}'),
        'popen': Call(subprocess.Popen, ['touch', file]),
        'check_output': Call(subprocess.check_output, ['touch', file]),
        'eval': Call(eval, source),
        'exec': Call(exec, source),
        'open': Call(open, file, 'w'),
        'rmtree': Call(shutil.rmtree, victim),
        'mkdir': Call(os.mkdir, file),
        'run_path': Call(runpy.run_path, file),
        'getattr': Call(getattr, Call(__import__, 'os'), 'system'),
        'import': Call(__import__, 'antigravity'),
        'torch.load': Call(torch.load, file),
        'hub': Call(torch.hub.load, str(canary.victim), 'x', 'local'),
        'compile': Call(builtins.compile, source, 'x', 'exec'),
    }


PLACES: dict[str, Callable[[Any], Any]] = {
    'whole': lambda call: call,
    'meta': lambda call: {**ONE, 'meta': {'cfg': call}},
    'weight': lambda call: {'state_dict': {'a': torch.ones(1), 'b': call}},
    'list': lambda call: {**ONE, 'optimizer': {'param_groups': [call]}},
}


def bare(protocol: int) -> Callable[[Any, Path], None]:
    return lambda content, path: path.write_bytes(pickle.dumps(content, protocol))


FORMATS: dict[str, Callable[[Any, Path], None]] = {
    'zip': torch.save,
    'legacy': lambda content, path: torch.save(content, path, _use_new_zipfile_serialization=False),
    'zip, protocol 4': lambda content, path: torch.save(content, path, pickle_protocol=4),
}


def code(canary: Canary) -> Iterator[tuple[str, Writer]]:
    """Calls in all places and formats."""
    for kind, call in calls(canary).items():
        for place, put in PLACES.items():
            for name, save in FORMATS.items():
                if place == 'whole' or name != 'zip, protocol 4':
                    yield f'{kind}, {place}, {name}', lambda path, put=put, call=call, save=save: save(put(call), path)
        yield f'{kind}, bare pickle', lambda path, call=call: bare(2)(call, path)
        yield f'{kind}, bare pickle 4', lambda path, call=call: bare(4)(call, path)


def with_pickle(content: bytes, tensors: bool = False, compress: int = zipfile.ZIP_STORED) -> Writer:
    """An archive of torch with this pickle."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, 'w', compress) as archive:
            archive.writestr('x/data.pkl', content)
            archive.writestr('x/byteorder', 'little')
            if tensors:
                archive.writestr('x/data/0', b'\0' * 16)
            archive.writestr('x/version', '3\n')

    return write


def reduced(name: str, arguments: bytes) -> bytes:
    """A pickle that calls ``name`` with the pickled tuple."""
    return b'\x80\x02c' + name.encode() + b'\n' + arguments + b'R.'


def number(value: int) -> bytes:
    return b'\x8a\x08' + struct.pack('<q', value)


def key_of_two(times: int) -> bytes:
    """The pickle of a dict whose key is a tuple of two tuples of two, and so on, each stored once."""
    return b'\x80\x02}K\x00](K\x01q\x01' + b'h\x01h\x01\x86q\x01' * times + b'esh\x01K\x01s.'


def repeated(name: str, arguments: bytes, times: int) -> bytes:
    """The pickle of equal calls of ``name`` with one pickled tuple, which is stored once."""
    once = b'c' + name.encode() + b'\nq\x02' + arguments + b'q\x01'
    return b'\x80\x02(' + once + b'h\x02h\x01R' * times + b't.'


def storage(numel: int, kind: str = 'FloatStorage', size: int = 4) -> bytes:
    """The pickle of a tensor that says its storage has so many elements."""
    text = lambda word: b'X' + struct.pack('<I', len(word)) + word.encode()  # noqa: E731 (of this function only)
    identity = b'(' + text('storage') + f'ctorch\n{kind}\n'.encode() + text('0') + text('cpu') + number(numel) + b't'
    shape = b'K\x00' + number(size) + b'\x85K\x01\x85\x89ccollections\nOrderedDict\n)R'
    tensor = b'ctorch._utils\n_rebuild_tensor_v2\n(' + identity + b'Q' + shape + b'tR'
    return b'\x80\x02}' + text('a') + tensor + b's.'


def bombs() -> Iterator[tuple[str, Writer]]:
    """What would take memory or time without end."""
    torch_zeros = io.BytesIO()
    torch.save({'a': torch.zeros(10**6)}, torch_zeros)

    def deflated(path: Path) -> None:
        with zipfile.ZipFile(torch_zeros) as old, zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as new:
            for entry in old.infolist():
                new.writestr(entry.filename, old.read(entry))

    def many_entries(path: Path) -> None:
        with zipfile.ZipFile(path, 'w') as archive:
            for index in range(140_000):
                archive.writestr(zipfile.ZipInfo(str(index)), b'')

    def doubled(path: Path) -> None:
        content: list = [0]
        for _ in range(40):
            content = [content, content]
        torch.save({**ONE, 'meta': {'x': content}}, path)

    def nested(path: Path) -> None:
        with_pickle(b'\x80\x02' + b']' * 10**6 + b'a' * (10**6 - 1) + b'.')(path)

    def tar(path: Path) -> None:
        with tarfile.open(path, 'w') as archive:
            for name in ('../storages', 'storages', 'tensors', 'pickle'):
                archive.addfile(tarfile.TarInfo(name), io.BytesIO())

    hidden = OrderedDict(a=torch.ones(1))
    hidden.__dict__.update(get=1, keys=2, values=3, pop=4)
    yield from {
        'deflated zeros': deflated,
        'deflated pickle': with_pickle(b'\x80\x02' + b']0' * 10**6 + b'}.', compress=zipfile.ZIP_DEFLATED),
        'expanded tensor': lambda path: torch.save({'a': torch.zeros(1).expand(10**12)}, path),
        'storage beyond its record': with_pickle(storage(10**9), tensors=True),
        'storage of 8 EB': with_pickle(storage(2**61), tensors=True),
        'storage of negative size': with_pickle(storage(-1), tensors=True),
        'tensor beyond its storage': with_pickle(storage(4, size=10**12), tensors=True),
        'storage without a record': with_pickle(storage(4)),
        'legacy storage of a terabyte': lambda path: path.write_bytes(
            LEGACY + b'\x80\x02M\xe9\x03.' + b'\x80\x02}.' + legacy_storage(2**38) + b'\x80\x02].'
        ),
        'legacy storage that is never filled': lambda path: path.write_bytes(
            LEGACY + b'\x80\x02M\xe9\x03.' + b'\x80\x02}.' + legacy_storage(2**20) + b'\x80\x02].'
        ),
        'bytearray of 100 GB': with_pickle(reduced('builtins\nbytearray', number(10**11) + b'\x85')),
        'tensor of 4 TB': with_pickle(reduced('torch\nTensor', number(10**12) + b'\x85')),
        'untyped storage of 1 TB': with_pickle(reduced('torch.storage\nUntypedStorage', number(10**12) + b'\x85')),
        'meta tensor': lambda path: torch.save({'a': torch.zeros(10**6, 10**6, device='meta')}, path),
        'a key of 300,000 tuples in each other': with_pickle(b'\x80\x02})' + b'\x85' * 300_000 + b'K\x01s.'),
        'a key of a quintillion tuples': with_pickle(key_of_two(60)),
        'a key in a set of 300,000 tuples': with_pickle(
            reduced('__builtin__\nset', b'](K\x01)' + b'\x85' * 300_000 + b'e\x85')
        ),
        'a storage whose key is 300,000 tuples': with_pickle(
            storage(4).replace(b'X\x01\0\0\x000', b')' + b'\x85' * 300_000), tensors=True
        ),
        'numbers of one hash': with_pickle(
            b'\x80\x02}('
            + b''.join(b'\x8a\x0c' + (k * (2**61 - 1)).to_bytes(12, 'little') + b'N' for k in range(10**5))
            + b'u.'
        ),
        'a hundred thousand sets of one list': with_pickle(
            repeated('__builtin__\nset', b'](' + b'K\x01' * 10**6 + b'e\x85', 10**5)
        ),
        'set of an expanded tensor': with_pickle(
            reduced(
                '__builtin__\nset', storage(4, size=10**9)[9:-2].replace(b'K\x01\x85\x89', b'K\0\x85\x89') + b'\x85'
            ),
            tensors=True,
        ),
        'punycode': with_pickle(
            reduced(
                '_codecs\nencode', b'X' + struct.pack('<I', 3 * 10**5) + 'ü漢'.encode() * 60_000 + b'U\x08punycode\x86'
            )
        ),
        'a million lists in each other': nested,
        'a trillion values of forty lists': doubled,
        'ten million lists': with_pickle(b'\x80\x02(' + b']' * 10**7 + b'l.'),
        'pickle of 20 MB': with_pickle(b'\x80\x02' + b'}0' * 10**7 + b'}.'),
        'many entries': many_entries,
        'endless memo': with_pickle(b'\x80\x02}q\x00h\x00h\x00s.'),
        'list that holds itself': with_pickle(b'\x80\x02]q\x00h\x00a.'),
        'hidden methods': lambda path: torch.save({'state_dict': hidden}, path),
        'old tar with a way out': tar,
    }.items()


def legacy_storage(numel: int) -> bytes:
    pickled = storage(numel)
    return pickled.replace(b'tQ', b'NtQ')  # legacy names views, too
