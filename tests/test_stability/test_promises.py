"""What a version has promised, later ones keep: names, arguments, and the configs that people have written."""

import importlib.util
import json
from copy import deepcopy
from pathlib import Path

import pytest
from mmengine.utils import deprecated_function, digit_version

from mmdefusion import __version__

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
def now() -> dict:
    """What there is."""
    return freeze_api.promise()


@pytest.fixture(scope='module')
def excused() -> set[str]:
    """What an earlier version has deprecated; what this one does must still be there."""
    earlier = [path for path in PROMISED if digit_version(path.stem) < digit_version(__version__)]
    return {name for path in earlier for name in json.loads(path.read_text())['deprecated']}


def test_this_version_has_promised_something():
    assert PROMISED


@pytest.mark.parametrize('path', PROMISED, ids=lambda path: path.stem)
def test_names_and_arguments_are_still_there(path, now, excused):
    gone = freeze_api.lost(json.loads(path.read_text()), now, excused)
    assert not gone, f'{gone} were promised by {path.stem}: deprecate them for a version first (docs/house.md)'


@pytest.mark.parametrize('path', PROMISED, ids=lambda path: path.stem)
def test_old_configs_name_only_what_is_there(path, now, excused):
    classes = {name: arguments for names in now['registered'].values() for name, arguments in names.items()}
    let_go = {name.split('.', 1)[1] for name in excused if '.' in name}
    for config, parts in json.loads(path.read_text())['configs'].items():
        for name, given in parts.items():
            wanted = {one for one in given if f'{name}.{one}' not in let_go} - TAKEN
            assert name in let_go or (name in classes and wanted <= set(classes[name])), f'{config}: {name}'


def test_what_is_gone_without_a_deprecation_is_found(now):
    later = deepcopy(now)
    later['public'].remove('load_fuser')
    del later['registered']['HOOKS']['FiniteLossHook']
    later['registered']['MODELS']['DeFusionPP'].remove('pyramid')
    gone = ['load_fuser', 'HOOKS.FiniteLossHook', 'MODELS.DeFusionPP.pyramid']
    assert sorted(freeze_api.lost(now, later)) == sorted(gone)
    assert freeze_api.lost(now, later, gone[1:]) == gone[:1] and not freeze_api.lost(now, later, gone)


def test_deprecations_are_seen():
    class Old:
        """Something.

        Args:
            size: Deprecated since 0.2.0, use ``sides``.
            sides: of it.
        """

        @deprecated_function('0.2.0', '0.3.0', 'use New')
        def __init__(self, size: int = 1, sides: int = 1) -> None:
            self.sides = sides

    class Heir(Old):
        """Another."""

    assert freeze_api.is_deprecated(Old) and not freeze_api.is_deprecated(Heir)
    assert freeze_api.is_deprecated(deprecated_function('0.2.0', '0.3.0', 'use new()')(lambda: None))
    assert freeze_api.deprecated_arguments(Old) == ['size'] and freeze_api.arguments(Old) == ['sides', 'size']
    assert Old(sides=3).sides == 3
