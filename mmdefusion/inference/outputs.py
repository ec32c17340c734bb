"""Results of fusing: images in memory, files that overwrite no source, and the error for failures."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from mmdefusion.utils.files import write_image
from mmdefusion.utils.names import shown
from mmdefusion.visualization import brighten, contact_sheet

Output = Literal['fused', 'common', 'unique_a', 'unique_b', 'share', 'panel']
OUTPUTS = get_args(Output)
PARTS = {'common': 'common', 'unique_a': 'unique to the first', 'unique_b': 'unique to the second'}


class Fused(NamedTuple):
    """One result of fusing.

    Attributes:
        name: name of the first source, without extension.
        images: the outputs by name, H×W×3 (BGR) or H×W, uint8, in the size of the first source.
    """

    name: str
    images: dict[str, np.ndarray]


class NotAllDone(ValueError):
    """Some of several items could not be read, fused, drawn or written; all others were.

    Attributes:
        failures: the error of each failed item, by name.
        results: the results of the other items, as the inferencer returns them, and predictions whose drawing alone
            failed.
    """

    def __init__(self, failures: dict[str, Exception], results: Any) -> None:
        self.failures = failures
        self.results = results
        told = ((shown(name), shown(error)) for name, error in failures.items())
        lines = [f'  {name}: {error.removeprefix(f"{name}: ")}' for name, error in told]
        done = any(results.values()) if isinstance(results, dict) else bool(results)
        others = ', all others are' if done else ''
        super().__init__('\n'.join([f'{len(failures)} could not be done{others}:', *lines]))


class OutputFolder:
    """The folder that results are written to.

    Args:
        folder: the folder, which must exist.
        outputs: names of the outputs to write.
        suffix: suffix of the files.
    """

    def __init__(self, folder: Path, outputs: Sequence[Output], suffix: str = '.png') -> None:
        self.folder = folder
        self.outputs = outputs
        self.ends = {output: ('' if output == 'fused' else f'_{output}') + suffix for output in outputs}

    def files(self, name: str) -> dict[Output, Path]:
        """The path of each output of a result: ``NAME.png`` for the fused image, ``NAME_OUTPUT.png`` for others."""
        return {output: self.folder / f'{name}{end}' for output, end in self.ends.items()}

    def holds(self, name: str) -> bool:
        """Whether all outputs of a result exist already."""
        return all(os.path.isfile(file) for file in self.files(name).values())

    def write(self, result: Fused) -> list[Path]:
        """Writes the files of a result, each atomically.

        Raises:
            OSError: if a file cannot be written.
        """
        return [write_image(file, result.images[output]) for output, file in self.files(result.name).items()]

    def refuse_overwriting(self, names: Sequence[str], sources: Iterable[object]) -> None:
        """Raises a ValueError if a result would overwrite a source or another result.

        Args:
            names: names of the results.
            sources: their sources; only paths are checked.
        """
        # as text: of very many results, objects of pathlib take far more memory
        refuse_overwriting(
            [os.path.join(self.folder, f'{name}{end}') for name in names for end in self.ends.values()], sources
        )


def refuse_overwriting(targets: Sequence[str], sources: Iterable[object]) -> None:
    """Raises a ValueError if a file would overwrite a source or another file.

    Args:
        targets: paths of the files.
        sources: what they are made of; only paths are checked.
    """
    if twice := [target for target, count in Counter(targets).items() if count > 1]:
        raise ValueError(f'{len(twice)} results would be written twice, first {twice[0]}: write them into two folders.')
    real_folder = cache(os.path.realpath)  # of very many files only a few folders are followed

    def follow(path: str | os.PathLike) -> str:
        folder, name = os.path.split(path)
        found = os.path.join(real_folder(folder), name)
        return os.path.realpath(found) if os.path.islink(found) else found

    taken = {follow(source) for source in sources if isinstance(source, str | os.PathLike)}
    for target in targets:
        if follow(target) in taken:
            raise ValueError(f'{target} is one of the sources and would be overwritten: choose another out_dir.')


def check_outputs(outputs: Sequence[str]) -> None:
    """Raises a ValueError if a name is not one of ``OUTPUTS``."""
    if unknown := sorted(set(outputs) - set(OUTPUTS)):
        raise ValueError(f'outputs={unknown} are none of {", ".join(OUTPUTS)}.')


def draw_panel(sources: Sequence[np.ndarray], images: dict[str, np.ndarray], still: bool = True) -> np.ndarray:
    """Draws sources, the fused image and the parts side by side, H×W×3 BGR.

    Dark parts of a still are brightened; frames of a video stay as they are, so that they can be compared.
    """
    cells = [(f'source {position}', source) for position, source in enumerate(sources, 1)]
    cells.append(('fused', images['fused']))
    parts = [(title, images[name]) for name, title in PARTS.items()]
    cells += [brighten(*part) for part in parts] if still else parts
    titles, row = zip(*cells, strict=True)
    return contact_sheet([row], titles, width=min(320, sources[0].shape[1]))
