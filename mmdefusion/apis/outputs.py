"""What fusing gives: results in memory, files that take no other's place, and the list of what failed."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from .sources import Item

Output = Literal['fused', 'common', 'unique_a', 'unique_b', 'panel']


class Fused(NamedTuple):
    """One result.

    Attributes:
        name: of the first image, without extension.
        images: each output by its name, H×W×3 (BGR) or H×W uint8, in the size of the first image.
    """

    name: str
    images: dict[str, np.ndarray]


class NotAllFused(ValueError):
    """Some of many items could not be fused; all others were.

    Attributes:
        failures: what was wrong with each, by its name.
        results: of the others, as :class:`FusionInferencer` returns them.
    """

    def __init__(self, failures: dict[str, Exception], results: list[Fused] | list[Path]) -> None:
        self.failures = failures
        self.results = results
        lines = [f'  {name}: {str(error).removeprefix(f"{name}: ")}' for name, error in failures.items()]
        super().__init__('\n'.join([f'{len(failures)} could not be fused, all others are done:', *lines]))


def refuse_overwriting(items: Sequence[Item], folder: Path, outputs: Sequence[Output]) -> None:
    """Raises a ValueError where a result would take the place of a source, or of another result."""
    targets = [path(folder, item.name, name) for item in items for name in outputs]
    if twice := [target for target, count in Counter(targets).items() if count > 1]:
        raise ValueError(f'{len(twice)} results would be written twice, first {twice[0]}: fuse them into two folders.')
    refuse_sources(targets, [image for item in items for image in item.images if not isinstance(image, np.ndarray)])


def refuse_sources(targets: Iterable[Path], sources: Iterable[str | os.PathLike]) -> None:
    """Raises a ValueError where a target is one of the sources."""
    taken = {os.path.realpath(source) for source in sources}
    for target in targets:
        if os.path.realpath(target) in taken:
            raise ValueError(f'{target} is one of the sources and would be overwritten: choose another out_dir.')


def path(folder: Path, name: str, output: str, suffix: str = '.png') -> Path:
    """Where an output goes."""
    return folder / f'{name}{"" if output == "fused" else f"_{output}"}{suffix}'
