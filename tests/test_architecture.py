"""The house has floors: a module imports what lies below it, and toolboxes only where its room adapts to them."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / 'mmdefusion'
PAGE = PACKAGE.parent / 'docs/house.md'

# From the ground up. Rooms of one floor do not know each other; the longest name that fits a module counts.
FLOORS = (
    ('version', 'models'),
    ('utils', 'registry'),
    ('visualization', 'scenes', 'rules', 'evaluation.functional'),
    ('inference',),
    ('models.layers',),
    ('models.structures',),
    ('models.checkpoints',),
    ('models.backbones', 'models.losses', 'models.data_preprocessors'),
    ('models.necks',),
    ('models.heads', 'models.fusers', 'models.defusion_pp'),
    ('models.networks',),
    ('models.pretrainers', 'models.teachers', 'models.assembly'),
    ('models.registered',),
    ('datasets',),
    ('engine', 'evaluation'),
    ('apis',),
    ('experiments', 'web', 'deployment'),
    ('deployment.export',),
    ('cli',),
    ('__main__',),
)
# What may be imported of the toolboxes, by room; nothing but MMEngine elsewhere.
TOOLBOXES = {
    'apis.paired_det_inferencer': {'mmdet'},
    'apis.paired_inferencing': {'mmcv'},
    'apis.paired_seg_inferencer': {'mmseg'},
    'datasets': {'mmcv', 'mmdet', 'mmseg'},
    'datasets.conversion': set(),
    'deployment': set(),
    'deployment.export': {'mmcv', 'mmdet', 'mmseg'},
    'engine.hooks': {'mmcv'},
    'evaluation.metrics': {'mmseg'},
    'evaluation.subset_scores': {'mmseg'},
    'experiments': {'mmdet', 'mmseg'},
    'inference': set(),
    'models.backbones.efficientnet_lite': {'mmcv'},
    'models.backbones.spatial_prior': {'mmcv'},
    'models.data_preprocessors': {'mmdet', 'mmseg'},
}
MODULES = sorted(PACKAGE.rglob('*.py'))


def name_of(path: Path) -> str:
    """The module's name below ``mmdefusion``, '' for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def longest(module: str, rooms: Iterator[str]) -> str | None:
    """The room that a module is in."""
    return max((room for room in rooms if f'{module}.'.startswith(f'{room}.')), key=len, default=None)


def room_of(module: str) -> str | None:
    return longest(module, (room for floor in FLOORS for room in floor))


def floor_of(module: str) -> int:
    room = room_of(module)
    return next(number for number, floor in enumerate(FLOORS) if room in floor)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding='utf-8'))


def imported(path: Path) -> Iterator[str]:
    """Absolute names of the modules that a file imports, anywhere in it."""
    package = ['mmdefusion', *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = '.'.join([*base, *([node.module] if node.module else [])])
            # ``from package import module`` names a module, ``from module import thing`` does not
            below = PACKAGE.parent.joinpath(*module.split('.'))
            for alias in node.names:
                is_module = (below / f'{alias.name}.py').is_file() or (below / alias.name / '__init__.py').is_file()
                yield f'{module}.{alias.name}' if is_module else module


def test_every_module_has_a_room():
    assert not [name for path in MODULES if (name := name_of(path)) and not room_of(name)]


def test_imports_go_downward():
    upward = [
        f'mmdefusion.{module} imports {name}'
        for path in MODULES
        if (module := name_of(path))  # the package itself imports lazily
        for name in imported(path)
        if name.startswith('mmdefusion.') and not is_below(name.removeprefix('mmdefusion.'), module)
    ]
    assert not upward


def is_below(other: str, module: str) -> bool:
    """Whether a module may import another one: it lies in the same room, or on a lower floor."""
    return room_of(other) == room_of(module) or floor_of(other) < floor_of(module)


def test_the_page_lists_the_rooms_in_the_order_of_the_floors():
    listed = re.findall(r'^\| `mmdefusion/(\w+)/` \|', PAGE.read_text(encoding='utf-8'), re.M)
    assert set(listed) == {path.parent.name for path in PACKAGE.glob('*/__init__.py')}
    highest = {one.split('.')[0]: number for number, floor in enumerate(FLOORS) for one in floor}
    places = [highest[room] for room in listed]
    assert places == sorted(places, reverse=True)


def test_toolboxes_are_known_only_where_a_room_adapts_to_them():
    strange = {}
    for path in MODULES:
        module = name_of(path)
        allowed = TOOLBOXES.get(longest(module, iter(TOOLBOXES)) or '', set())
        found = {name.split('.')[0] for name in imported(path)} & {'mmcv', 'mmdet', 'mmseg'}
        strange |= {module: found - allowed} if found - allowed else {}
    assert not strange


def test_files_are_short():
    assert not [str(path) for path in MODULES if len(path.read_text(encoding='utf-8').splitlines()) > 300]


def test_functions_are_short():
    """A function of more than 60 lines, its docstring aside, does several things."""
    functions = (
        (path, node) for path in MODULES for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef)
    )
    assert not [f'{path}: {node.name}' for path, node in functions if lines_of(node) > 60]


def lines_of(node: ast.FunctionDef) -> int:
    return node.end_lineno - node.lineno + 1 - len((ast.get_docstring(node, clean=False) or '').splitlines())


def test_every_floor_is_lived_on():
    lived = {room_of(name_of(path)) for path in MODULES}
    assert {room for floor in FLOORS for room in floor} <= lived


def test_sections_of_docstrings_are_not_indented():
    """Indented, a section is read as the last argument."""
    found = [
        f'{path}: {getattr(node, "name", "the module")}'
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.Module)
        and re.search(r'^ +(Returns|Yields|Raises|Attributes|Example):', ast.get_docstring(node) or '', re.M)
    ]
    assert not found


def test_classes_say_what_their_settings_raise():
    found = [
        f'{path}: {node.name}'
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and not node.name.startswith('_') and raises_silently(node)
    ]
    assert not found


def raises_silently(node: ast.ClassDef) -> bool:
    """Whether the constructor of a class raises an error, and no docstring says so."""
    starts = [one for one in node.body if getattr(one, 'name', '') in ('__init__', '__post_init__')]
    raising = [one for start in starts for one in ast.walk(start) if isinstance(one, ast.Raise) and one.exc]
    return bool(raising) and not any('Raises:' in (ast.get_docstring(one) or '') for one in (node, *starts))
