"""Writes down what a version promises: each registered name with its arguments, and every config as it is merged.

    python tools/dev/freeze_api.py                # tests/test_stability/promised/VERSION.json

To be run once, when a version is released; tests/test_stability checks that later versions keep the promises of all
files in that folder. A name that must go is deprecated first: it warns for a version, and then leaves the next file.
"""

import argparse
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmdefusion import __version__, registry
from mmdefusion.utils.files import write_text

ROOT = Path(__file__).resolve().parents[2]


def registries() -> dict[str, registry.Registry]:
    """Ours, by the name of the variable."""
    return {name: value for name, value in vars(registry).items() if getattr(value, 'scope', '') == 'mmdefusion'}


def arguments(kind: type) -> list[str]:
    """Names that a config may give, those of the parents too, where the class passes them on."""
    found: dict[str, None] = {}
    for parent in kind.__mro__:
        if '__init__' not in vars(parent):
            continue
        parameters = inspect.signature(parent.__init__).parameters.values()
        found |= {one.name: None for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break
    return sorted(name for name in found if name != 'self')


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


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    names = {}
    for name, ours in registries().items():
        ours.import_from_location()
        names[name] = {key: arguments(kind) for key, kind in sorted(ours.module_dict.items())}
    content = dict(registered=names, configs=used())
    target = ROOT / f'tests/test_stability/promised/{__version__}.json'
    write_text(target, json.dumps(content, indent=1) + '\n')
    print(target.relative_to(ROOT))


if __name__ == '__main__':
    main()
