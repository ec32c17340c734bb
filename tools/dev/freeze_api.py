"""Writes down what a version promises: public names, each registered name with its arguments, and every config.

    python tools/dev/freeze_api.py                # tests/test_stability/promised/VERSION.json

To be run when a version is released; tests/test_stability checks that later versions keep the promises of all files in
that folder, but for what such a file calls deprecated (docs/house.md says how a name goes away).
"""

import argparse
import inspect
import json
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

import mmdefusion
from mmdefusion import __version__, registry
from mmdefusion.utils.files import write_text
from mmdefusion.utils.options import interrupted_in_a_line

ROOT = Path(__file__).resolve().parents[2]


def registries() -> dict[str, registry.Registry]:
    """Ours, by the name of the variable."""
    return {name: value for name, value in vars(registry).items() if getattr(value, 'scope', '') == 'mmdefusion'}


def arguments(kind: type | Callable) -> list[str]:
    """Names that a config may give, those of the parents too, where the class passes them on."""
    if not inspect.isclass(kind):
        return sorted(inspect.signature(kind).parameters)
    found: dict[str, None] = {}
    for parent in kind.__mro__:
        if '__init__' not in vars(parent):
            continue
        parameters = inspect.signature(parent.__init__).parameters.values()
        found |= {one.name: None for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break
    return sorted(name for name in found if name != 'self')


def is_deprecated(thing: object) -> bool:
    """Whether MMEngine's ``deprecated_function`` is on a function, or on the ``__init__`` of a class."""
    own = vars(thing).get('__init__') if inspect.isclass(thing) else thing
    return '.. deprecated::' in (getattr(own, '__doc__', None) or '')


def deprecated_arguments(kind: type) -> list[str]:
    """Arguments of which the docstring says ``name: Deprecated since ...``."""
    return re.findall(r'^ *(\w+): Deprecated since', kind.__doc__ or '', re.MULTILINE)


def promise() -> dict[str, Any]:
    """What this version offers; ``deprecated`` names what later ones need not."""
    registered, deprecated = {}, []
    for name, ours in registries().items():
        ours.import_from_location()
        registered[name] = {key: arguments(kind) for key, kind in sorted(ours.module_dict.items())}
        for key, kind in sorted(ours.module_dict.items()):
            deprecated += [f'{name}.{key}'] if is_deprecated(kind) else []
            deprecated += [f'{name}.{key}.{argument}' for argument in deprecated_arguments(kind)]
    public = sorted(mmdefusion.__all__)
    deprecated += [name for name in public if is_deprecated(getattr(mmdefusion, name))]
    return dict(public=public, registered=registered, deprecated=deprecated)


def lost(promised: dict[str, Any], now: dict[str, Any], excused: Collection[str] = ()) -> list[str]:
    """Public names, and ``REGISTRY.Name`` or ``REGISTRY.Name.argument``, that were promised and are gone."""
    gone = [name for name in promised['public'] if name not in now['public']]
    for registry_name, names in promised['registered'].items():
        for name, before in names.items():
            here = now['registered'].get(registry_name, {})
            if name not in here:
                gone.append(f'{registry_name}.{name}')
            else:
                gone += [f'{registry_name}.{name}.{one}' for one in before if one not in here[name]]
    return [name for name in gone if name not in excused]


def parts(value: Any) -> Iterator[dict]:
    """Every dict with one of our types in a config, at any depth."""
    if isinstance(value, dict):
        if str(value.get('type')).startswith('mmdefusion.'):
            yield value
        for item in value.values():
            yield from parts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from parts(item)


def used() -> dict[str, dict[str, list[str]]]:
    """Our types in each config, and the arguments that it gives them."""
    found = {}
    for path in sorted((ROOT / 'configs').rglob('*.py')):
        if '_base_' in path.parts:
            continue
        names: dict[str, set[str]] = {}
        for part in parts(Config.fromfile(path).to_dict()):
            names.setdefault(part['type'].removeprefix('mmdefusion.'), set()).update(set(part) - {'type'})
        found[path.relative_to(ROOT / 'configs').as_posix()] = {name: sorted(names[name]) for name in sorted(names)}
    return found


@interrupted_in_a_line()
def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    content = promise() | dict(configs=used())
    target = ROOT / f'tests/test_stability/promised/{__version__}.json'
    write_text(target, json.dumps(content, indent=1) + '\n')
    print(target.relative_to(ROOT))


if __name__ == '__main__':
    main()
