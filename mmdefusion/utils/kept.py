"""Reads what an earlier run kept, so that nothing is computed twice."""

import json
from pathlib import Path
from typing import Any


def read_kept(path: Path, **kinds: type | tuple[type, ...]) -> dict[str, Any] | None:
    """Reads a JSON object that a run kept; None where it must be computed again.

    Args:
        path: the file.
        **kinds: keys that the object must have, and the types of their values.

    Returns:
        The object; None if the file is absent, was cut short, or holds anything else, such as a file of another tool.

    Raises:
        OSError: if the file is there and cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not all(isinstance(content.get(key), kind) for key, kind in kinds.items()):
        return None
    return content
