"""What fusing gives: images in memory, files that take no other's place, and the list of what failed."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from mmdefusion.utils.files import write_image
from mmdefusion.visualization import contact_sheet

Output = Literal['fused', 'common', 'unique_a', 'unique_b', 'panel']
OUTPUTS = get_args(Output)
TITLES = {'fused': 'fused', 'common': 'common', 'unique_a': 'unique to the first', 'unique_b': 'unique to the second'}


class Fused(NamedTuple):
    """One result.

    Attributes:
        name: of the first source, without extension.
        images: each output by its name, H×W×3 (BGR) or H×W uint8, in the size of the first source.
    """

    name: str
    images: dict[str, np.ndarray]


class NotAllDone(ValueError):
    """Some of many items could not be read or fused; all others were.

    Attributes:
        failures: what was wrong with each, by its name.
        results: of the others, as the inferencer returns them.
    """

    def __init__(self, failures: dict[str, Exception], results: Any) -> None:
        self.failures = failures
        self.results = results
        lines = [f'  {name}: {str(error).removeprefix(f"{name}: ")}' for name, error in failures.items()]
        super().__init__('\n'.join([f'{len(failures)} could not be done, all others are:', *lines]))


class OutputFolder:
    """The files that results are written to.

    Args:
        folder: where they go; it is there and can be written to.
        outputs: of each result.
        suffix: of the files.
    """

    def __init__(self, folder: Path, outputs: Sequence[Output], suffix: str = '.png') -> None:
        self.folder = folder
        self.outputs = outputs
        self.suffix = suffix

    def files(self, name: str) -> dict[Output, Path]:
        """Where each output of a result goes: ``NAME.png`` for the fused image, ``NAME_OUTPUT.png`` for others."""
        ends = {output: '' if output == 'fused' else f'_{output}' for output in self.outputs}
        return {output: self.folder / f'{name}{end}{self.suffix}' for output, end in ends.items()}

    def holds(self, name: str) -> bool:
        """Whether all outputs of a result are there already."""
        return all(file.is_file() for file in self.files(name).values())

    def write(self, result: Fused) -> list[Path]:
        """Writes a result; each file is there whole or not at all.

        Raises:
            OSError: if one cannot be written.
        """
        return [write_image(file, result.images[output]) for output, file in self.files(result.name).items()]

    def refuse_overwriting(self, names: Sequence[str], sources: Iterable[object]) -> None:
        """Raises a ValueError where a result would take the place of a source, or of another result.

        Args:
            names: of the results.
            sources: that they are made of; only paths among them count.
        """
        targets = [file for name in names for file in self.files(name).values()]
        if twice := [target for target, count in Counter(targets).items() if count > 1]:
            raise ValueError(
                f'{len(twice)} results would be written twice, first {twice[0]}: fuse them into two folders.'
            )
        taken = {os.path.realpath(source) for source in sources if isinstance(source, str | os.PathLike)}
        for target in targets:
            if os.path.realpath(target) in taken:
                raise ValueError(f'{target} is one of the sources and would be overwritten: choose another out_dir.')


def check_outputs(outputs: Sequence[str]) -> None:
    """Raises a ValueError where one of the names is no output."""
    if unknown := sorted(set(outputs) - set(OUTPUTS)):
        raise ValueError(f'outputs={unknown} are none of {", ".join(OUTPUTS)}.')


def draw_panel(sources: Sequence[np.ndarray], images: dict[str, np.ndarray]) -> np.ndarray:
    """One image with sources, parts and the fused image side by side, H×W×3 BGR."""
    titles = [f'source {position}' for position in range(1, len(sources) + 1)]
    cells = [*sources, *(images[name] for name in TITLES)]
    return contact_sheet([cells], [*titles, *TITLES.values()], width=min(320, sources[0].shape[1]))
