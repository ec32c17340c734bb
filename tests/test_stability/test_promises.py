"""What a version has promised, later ones keep: names, arguments, and the configs that people have written."""

import importlib.util
import json
from pathlib import Path

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

ROOT = Path(__file__).resolve().parents[2]
# keys that MMEngine takes for itself before it builds a class
TAKEN = {'_delete_', '_scope_', 'constructor', 'paramwise_cfg', 'priority'}
PROMISED = sorted((Path(__file__).parent / 'promised').glob('*.json'))

spec = importlib.util.spec_from_file_location('freeze_api', ROOT / 'tools/dev/freeze_api.py')
freeze_api = importlib.util.module_from_spec(spec)
spec.loader.exec_module(freeze_api)


@pytest.fixture(scope='module')
def registered() -> dict[str, dict[str, set[str]]]:
    """Arguments of each class, by registry and name, as they are now."""
    found = {}
    for name, ours in freeze_api.registries().items():
        ours.import_from_location()
        found[name] = {key: set(freeze_api.arguments(kind)) for key, kind in ours.module_dict.items()}
    return found


def test_this_version_has_promised_something():
    assert PROMISED


@pytest.mark.parametrize('path', PROMISED, ids=lambda path: path.stem)
def test_names_and_arguments_are_still_there(path, registered):
    for registry, names in json.loads(path.read_text())['registered'].items():
        for name, arguments in names.items():
            assert name in registered[registry], f'{registry} has lost {name}: deprecate it for a version first'
            assert set(arguments) <= registered[registry][name], f'{name} has lost arguments'


@pytest.mark.parametrize('path', PROMISED, ids=lambda path: path.stem)
def test_old_configs_name_only_what_is_there(path, registered):
    classes = {name: arguments for names in registered.values() for name, arguments in names.items()}
    for config, parts in json.loads(path.read_text())['configs'].items():
        for name, given in parts.items():
            assert name in classes and set(given) - TAKEN <= classes[name], f'{config}: {name}'
