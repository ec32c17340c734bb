"""Asks which optional packages are installed."""

from importlib.util import find_spec


def installed(package: str) -> bool:
    """Whether ``package`` can be imported. mmdet and mmseg are optional, and each works without the other."""
    return find_spec(package) is not None
