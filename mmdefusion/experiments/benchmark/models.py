"""The models that a comparison can name."""

import os
from collections.abc import Sequence
from pathlib import Path

from mmdefusion.evaluation.results import short_name
from mmdefusion.utils.paths import CONFIGS

FOLDERS = ('detection', 'segmentation', 'baselines')


def known_models() -> dict[str, Path]:
    """The configs of all models and baselines by their short names; of equal names the config on generated scenes."""
    root = next((root for root in CONFIGS if (root / '_base_').is_dir()), None)
    paths = [path for folder in FOLDERS for path in (root / folder).glob('*.py')] if root else []
    paths.sort(key=lambda path: ('scenes' in path.name, path.name))
    return {short_name(path): path for path in paths}


def find_models(models: Sequence[str | os.PathLike]) -> list[Path]:
    """Finds the configs of models by short name or path.

    Raises:
        ValueError: if there is no such model, or two of them have the same short name.
    """
    known = known_models()
    paths = [known.get(os.fspath(model), Path(model)) for model in models]
    if unknown := [str(path) for path in paths if not path.is_file()]:
        raise ValueError(f'{", ".join(unknown)}: no such model; --list names all of them.')
    if len({short_name(path) for path in paths}) < len(paths):
        raise ValueError('Two of the models have the same name: give each once.')
    return paths
