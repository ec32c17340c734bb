"""Checks checkpoint files of torch before torch unpacks them.

With ``weights_only=True``, torch calls nothing that a file names. But it allocates as much memory as a file asks for,
decompresses what a file contains, imports codecs that a file chooses, and takes a flipped byte for a weight. So only
files are accepted that ``torch.save`` could have written from tensors and plain data: a pickle without other names that
costs no more than its length, and a zip archive without compression whose checksums are right.
"""

import io
import os
import pickletools
import struct
import zipfile
from typing import BinaryIO

import torch

from .errors import CheckpointError
from .unpickling import COLLECTIONS, SIZE, Unpickling

ZIP = b'PK\x03\x04'
LEGACY = b'\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.'  # the pickled number at the start of files of torch before 1.6
LEGACY_PICKLES = 5  # number, protocol, system, content, keys of the storages; the storages follow
END = struct.Struct('<4s4H2LH')  # end of a zip archive's directory
END64, LOCATOR = (
    struct.Struct('<4sQ2H2L4Q'),
    struct.Struct('<4sLQL'),
)  # before it, with numbers of 64 bits; torch.save always writes them
MAX_PICKLE = 2**23  # bytes; 10,000 tensors with their optimizer states take 4 MB
MAX_STEPS = 2**21  # opcodes of a pickle, which may make an object of each byte
MAX_ENTRIES = 2**17
MAX_ENTRY = 2**8  # bytes of an entry in the directory, on average; torch.save writes about 63
# names that torch.save writes for tensors, parameters, sizes, and plain data of optimizers and schedulers
STORAGES = ('Float', 'Double', 'Half', 'BFloat16', 'Long', 'Int', 'Short', 'Char', 'Byte', 'Bool')
DTYPES = ('float', 'double', 'half', 'bfloat16', 'float32', 'float64', 'float16', 'int64', 'int32', 'uint8', 'bool')
NAMES = {
    *(*COLLECTIONS, SIZE, 'torch device', 'torch._utils _rebuild_tensor_v2', 'torch._utils _rebuild_parameter'),
    *(f'torch {kind}Storage' for kind in STORAGES),
    *(f'torch {kind}' for kind in DTYPES),
}
CALLS = {'STACK_GLOBAL', 'INST', 'OBJ', 'NEWOBJ_EX', 'EXT1', 'EXT2', 'EXT4', 'PERSID'}  # torch.save never writes them


def check_zip(file: BinaryIO, name: str) -> None:
    """Raises a CheckpointError if a zip archive differs from what ``torch.save`` writes.

    Of an archive with two directories, duplicate names, or bytes before or after it, different readers take different
    parts; this check would then see something other than torch does.
    """
    size = os.fstat(file.fileno()).st_size
    _check_directory(file, size, name)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_layout(entries, size, name)
            content = _read_pickle(archive, entries, name)
            if broken := archive.testzip():  # torch.save writes a CRC-32 for each record, which torch.load ignores
                raise CheckpointError(f'{name}: its record {broken} does not match its checksum: bytes have changed.')
    except (
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
        struct.error,
        zipfile.BadZipFile,
    ) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f'{name} is a damaged zip archive ({first_line(error)}): is it whole?') from None
    check_pickle(content, name)


def _check_directory(file: BinaryIO, size: int, name: str) -> None:
    """Raises a CheckpointError if the directory at the end of a zip archive is too large for zipfile to parse.

    zipfile makes an object of each entry before anybody can count them: two million, in 94 MB, take a gigabyte.
    """
    file.seek(max(0, size - END.size - LOCATOR.size - END64.size))
    tail = file.read()
    end, locator, end64 = tail[-END.size :], tail[-END.size - LOCATOR.size : -END.size], tail[: END64.size]
    # zipfile would search for an earlier end
    if len(end) < END.size or not end.startswith(b'PK\x05\x06') or end[-2:] != b'\0\0':
        raise CheckpointError(f'{name} is a damaged zip archive, or has bytes after its directory: is it whole?')
    place, length = size - END.size, END.unpack(end)[5]
    if locator.startswith(b'PK\x06\x07'):
        place -= LOCATOR.size + END64.size
        # readers look in either place
        if place < 0 or not end64.startswith(b'PK\x06\x06') or LOCATOR.unpack(locator)[2] != place:
            raise CheckpointError(f'{name} is a damaged zip archive: the end of its directory is not where it says.')
        length = END64.unpack(end64)[8]
    if length > MAX_ENTRIES * MAX_ENTRY:
        raise CheckpointError(f'{name}: its directory of {length} bytes is over {MAX_ENTRIES * MAX_ENTRY}.')
    file.seek(max(0, place - length))
    if (count := file.read(length).count(b'PK\x01\x02')) > MAX_ENTRIES:  # each entry begins so
        raise CheckpointError(f'{name}: {count} entries are over {MAX_ENTRIES}.')
    file.seek(0)


def _check_layout(entries: list[zipfile.ZipInfo], size: int, name: str) -> None:
    if packed := [entry.filename for entry in entries if entry.compress_type != zipfile.ZIP_STORED]:
        raise CheckpointError(f'{name}: its entry {packed[0][:80]} is compressed, which torch.save never does.')
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > size:
        raise CheckpointError(f'{name} of {size} bytes would unpack to {unpacked}.')
    if len({entry.filename.lower() for entry in entries}) < len(entries):
        raise CheckpointError(f'{name}: its zip archive has two entries of one name.')
    if min(entry.header_offset for entry in entries) != 0:
        raise CheckpointError(f'{name}: its zip archive has bytes before its first entry.')


def _read_pickle(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], name: str) -> io.BytesIO:
    pickles = [entry for entry in entries if entry.filename.endswith('/data.pkl')]
    if len(pickles) != 1:
        raise CheckpointError(f'{name} is a zip archive without the data.pkl of a checkpoint.')
    if pickles[0].file_size > MAX_PICKLE:
        raise CheckpointError(f'{name}: its data.pkl of {pickles[0].file_size} bytes is over {MAX_PICKLE}.')
    return io.BytesIO(archive.read(pickles[0]))


def check_unread(path: str | os.PathLike) -> None:
    """Checks a zip archive as :func:`check_zip` does, without its checksums, so that no tensor is read.

    Raises:
        CheckpointError: if it would unpack to more than it has, or its pickle is not that of plain data.
    """
    with open(path, 'rb') as file:
        if file.read(len(ZIP)) != ZIP:
            return
        size = os.fstat(file.fileno()).st_size
        _check_directory(file, size, str(path))
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_layout(entries, size, str(path))
            content = _read_pickle(archive, entries, str(path))
    check_pickle(content, str(path))


def check_legacy(file: BinaryIO, name: str) -> None:
    """Raises a CheckpointError if a file of torch before 1.6 holds more than tensors and plain data."""
    file.seek(0)
    for _ in range(LEGACY_PICKLES):
        check_pickle(file, name)


def check_pickle(stream: BinaryIO, name: str) -> None:
    """Raises a CheckpointError if the next pickle of a stream is not of plain data, or would not end."""
    unpickling = Unpickling(name, NAMES)
    allowed = NAMES | {_dotted(value) for value in torch.serialization.get_safe_globals()}
    start = stream.tell()
    try:
        for step, (opcode, argument, position) in enumerate(pickletools.genops(stream)):
            if position - start > MAX_PICKLE or step > MAX_STEPS:
                raise CheckpointError(f'{name}: its pickle is over {MAX_PICKLE} bytes or {MAX_STEPS} steps.')
            if opcode.name in CALLS or (opcode.name == 'GLOBAL' and argument not in allowed):
                named = str(argument or f'something by {opcode.name}').replace(' ', '.')[:80]
                raise CheckpointError(
                    f'{name} names {named!a}, and only plain tensors and plain data are read. If you trained it, train '
                    'with SafeCheckpointHook; if it is of someone else, open it with nothing else either.'
                )
            unpickling.step(opcode.name, argument)
    except CheckpointError:
        raise
    except Exception as error:  # pickletools raises many kinds of error for bytes that are no pickle
        raise CheckpointError(f'{name} is no whole checkpoint of torch ({first_line(error)}).') from None


def _dotted(value: object) -> str:
    """The name in a pickle of something that the user allowed torch to load."""
    if isinstance(value, tuple):
        module, _, name = value[1].rpartition('.')
        return f'{module} {name}'
    return f'{value.__module__} {value.__qualname__}'


def first_line(error: BaseException) -> str:
    """The message of an error in one short line."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
