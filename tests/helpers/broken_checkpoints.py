"""Files that a user may hand over as a checkpoint, and that are none or not the right one."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from .pretraining import build, cud_config


def saved(content: object) -> Callable[[Path], None]:
    return lambda path: torch.save(content, path)


def text(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content)


def fuser(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """A pretrainer's checkpoint with a change in its weights, which is returned or made in place."""

    def write(path: Path) -> None:
        state = build(cud_config()).state_dict()
        changed = change(state)
        content = dict(state_dict=state, meta=dict(cfg=f'model = {cud_config()!r}', iter=1))
        torch.save(changed if isinstance(changed, dict) else content, path)

    return write


def truncated(path: Path) -> None:
    fuser(lambda state: None)(path)
    path.write_bytes(path.read_bytes()[:-1000])


def other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('word/document.xml', '<a/>')


def misnamed(path: Path) -> None:
    """Renamed as if it were published with this hash; a link keeps the name that the tests give."""
    named = path.with_name('x-0badc0de.pth')
    fuser(lambda state: None)(named)
    path.symlink_to(named)


BIAS = 'backbone.skip_norm1.bias'
# no weights of any network: every tool refuses them
UNREADABLE: dict[str, Callable[[Path], object]] = {
    'absent': lambda path: None,
    'empty': text(b''),
    'text': text(b'<html>404</html>'),
    'truncated': truncated,
    'other zip': other_zip,
    'other pickle': text(pickle.dumps({'a': 1})),
    'code': saved({'state_dict': {'a': torch.ones(1)}, 'meta': Path('x')}),
    'list': saved([torch.ones(1)]),
    'tensor': saved(torch.ones(1)),
    'no tensors': saved({'state_dict': {'a': 1}, 'meta': {}}),
    'nothing': saved({}),
    'nested': saved({'state_dict': {'state_dict': {'state_dict': {'a': torch.ones(1)}}}}),
    'folder': lambda path: path.mkdir(),
    'device': lambda path: path.symlink_to('/dev/zero'),
    'pipe': os.mkfifo,
    'safetensors that end': text(b'\xff\0\0\0\0\0\0\0{"a":'),
    'NaN': fuser(lambda state: state[BIAS].fill_(float('nan'))),
    'infinite': fuser(lambda state: state[BIAS].fill_(float('inf'))),
    'integers': fuser(lambda state: state.update({BIAS: torch.ones(32, dtype=torch.int32)})),
    'complex': fuser(lambda state: state.update({BIAS: torch.ones(32, dtype=torch.complex64)})),
    'quantised': fuser(
        lambda state: state.update({BIAS: torch.quantize_per_tensor(torch.ones(32), 1, 0, torch.qint8)})
    ),
    'meta': fuser(lambda state: dict(state_dict=state, meta=[1])),
}
# weights, but not those of the network: refused where a network is at hand
MISFITS: dict[str, Callable[[Path], object]] = {
    'shape': fuser(lambda state: state.update({BIAS: torch.ones(33)})),
    'missing': fuser(lambda state: state.pop(BIAS)),
    'another network': saved({'state_dict': {'conv1.weight': torch.ones(1)}, 'meta': {}}),
}
