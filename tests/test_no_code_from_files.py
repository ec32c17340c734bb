"""Nothing in the package or the tools runs what it reads: what ruff's rules (pyproject.toml) do not see."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path for folder in ('mmdefusion', 'tools', 'configs') for path in (ROOT / folder).rglob('*.py'))
CALLS = {'eval', 'exec', 'compile', '__import__', 'execfile'}
MODULES = {'pickle', 'cPickle', 'dill', 'cloudpickle', 'joblib', 'marshal', 'shelve'}
# readers that unpickle by torch's default, or whatever the environment made of it: read_checkpoint() is the one way
READERS = {'load_checkpoint', '_load_checkpoint', 'CheckpointLoader', 'load_url', 'load_state_dict_from_url'}


def called(node: ast.Call) -> str:
    """The dotted name of what is called."""
    return ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ''


def faults(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, 'module', None) or ''}
            yield from (f'imports {name}' for name in names if name.split('.')[0] in MODULES or name in READERS)
        if not isinstance(node, ast.Call):
            continue
        name, keywords = called(node), {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if name in CALLS or name in ('os.system', 'os.popen', 'yaml.load', 'yaml.unsafe_load', 'np.fromregex'):
            yield f'calls {name}'
        if name in ('torch.load', 'torch.jit.load', 'torch.hub.load') and keywords.get('weights_only') != 'True':
            yield f'{name} without weights_only=True'
        if keywords.get('shell') not in (None, 'False'):
            yield f'{name} with shell={keywords["shell"]}'
        if name in ('np.load', 'numpy.load') and keywords.get('allow_pickle') not in (None, 'False'):
            yield f'{name} with allow_pickle'
        if name == 'Config.fromstring':
            yield f'calls {name}'


KNOWN = {
    # what it runs was written by this program: a trial's own config, as it was planned
    'mmdefusion/experiments/benchmark/entry.py': {'calls Config.fromstring'},
    # loads nothing by it, but registers read_checkpoint() there
    'mmdefusion/models/checkpoints/scheme.py': {'imports CheckpointLoader'},
}


def test_nothing_runs_what_it_reads():
    found = {}
    for path in FILES:
        name = path.relative_to(ROOT).as_posix()
        if more := set(faults(path.read_text(encoding='utf-8'))) - KNOWN.get(name, set()):
            found[name] = more
    assert not found


@pytest.mark.parametrize(
    'source',
    [
        'eval("1")',
        'import pickle',
        'from pickle import load',
        'torch.load(path)',
        'torch.load(path, weights_only=False)',
        'subprocess.run(command, shell=True)',
        'yaml.load(text, yaml.Loader)',
        'np.load(path, allow_pickle=True)',
        'from mmengine.runner import load_checkpoint',
        'os.system("true")',
        'Config.fromstring(text, ".py")',
    ],
)
def test_finds(source):
    assert list(faults(source))
