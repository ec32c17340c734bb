"""Lazy imports: a package offers names whose modules are imported at first use."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_exports(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Makes ``__getattr__`` and ``__dir__`` for a package whose names are imported at first use (PEP 562).

    Args:
        package: the package's ``__name__``.
        homes: maps each name to its module, relative to the package; one that begins with a dot is relative to the
            package above.

    Returns:
        The functions to assign to ``__getattr__`` and ``__dir__``.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        return getattr(import_module(f'.{homes[name]}', package), name)

    return get, lambda: sorted(homes)
