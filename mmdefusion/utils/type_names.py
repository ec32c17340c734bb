"""Says by its config what will be built."""

from collections.abc import Mapping
from typing import Any


def type_name(config: Mapping[str, Any]) -> str:
    """The name of a config's type without its scope; the type may be a class."""
    kind = config['type']
    return kind.rsplit('.', 1)[-1] if isinstance(kind, str) else kind.__name__
