"""What an ONNX file has beside the values of its tensors, told before it is parsed.

An empty message takes two bytes in a file and a hundred in memory, so that a file could fill it many times over.
"""

from collections.abc import Iterator

FOREIGN = 'something that is no field'
MESSAGES = {  # numbers of the fields of a message that hold messages, and what they are
    'model': {7: 'graph'},
    'graph': {1: 'node', 5: 'tensor', 11: 'value', 12: 'value', 13: 'value'},
    'node': {5: 'attribute'},
    'attribute': {5: 'tensor', 10: 'tensor'},
    'tensor': {9: 'values'},
    'value': {2: 'type'},
    'type': {1: 'tensor type'},
    'tensor type': {2: 'shape'},
    'shape': {1: 'dimension'},
    'dimension': {},
}
UNUSED = {  # further messages, which no exported ViT has: training, functions, graphs in nodes, sparse tensors
    'model': {20, 25},
    'graph': {14, 15},
    'attribute': {6, 11, 14, 15, 22, 23},
    'type': {4, 5, 7, 8, 9},
}
FIXED = {1: 8, 5: 4}  # bytes of the types of fields that have a fixed size
VARINT, SIZED = 0, 2  # the other types
MAX_FIELDS = 2**19  # that are looked at: a ViT of 48 blocks has some ten thousand nodes
MAX_BESIDE = 2**23  # bytes; nodes, names and documentation of a large ViT take a few MB


def check_sizes(content: bytes) -> None:
    """Raises a ValueError if a file has too much beside the values of its tensors, or is no message at all."""
    values = looked_at = 0
    waiting = [('model', 0, len(content))]
    while waiting:
        kind, start, end = waiting.pop()
        if kind == 'values':
            values += end - start
            continue
        for number, first, last in _fields(content, start, end):
            looked_at += 1
            if looked_at > MAX_FIELDS:
                raise ValueError(f'more than {MAX_FIELDS} nodes, tensors and other entries')
            if number in UNUSED.get(kind, ()):
                raise ValueError(f'a field {number} in its {kind}, which no exported ViT has')
            if number in MESSAGES[kind]:
                waiting.append((MESSAGES[kind][number], first, last))
    if len(content) - values > MAX_BESIDE:
        raise ValueError(
            f'{len(content) - values} bytes beside the raw values of tensors, of which {MAX_BESIDE} are read'
        )


def _fields(content: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, beginning and end of each field of a message; 0 is the number of those that cannot have parts."""
    while at < end:
        tag, at = _varint(content, at, end)
        kind, size = tag & 7, 0
        if kind == VARINT:
            _, at = _varint(content, at, end)
        elif kind == SIZED:
            size, at = _varint(content, at, end)
        elif kind in FIXED:
            size = FIXED[kind]
        else:
            raise ValueError(FOREIGN)
        if at + size > end:
            raise ValueError('it is cut')
        yield tag >> 3 if kind == SIZED else 0, at, at + size
        at += size


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise ValueError('it is cut')
        byte, at = content[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError(FOREIGN)
