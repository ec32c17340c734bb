"""Finds the fused images of other methods: ``fused/METHOD/`` beside the folders of the pairs."""

import os
import warnings
from collections.abc import Collection
from pathlib import Path

from mmdefusion.utils.names import composed

from .stems import list_images, some_names


def find_methods(root: str | os.PathLike, pairs: Collection[str]) -> dict[str, dict[str, str]]:
    """Lists the methods that have an image of every pair; what is left out is named in a warning.

    Args:
        root: folder with a folder for each method; what is hidden, and files beside the folders, are not looked at.
        pairs: names of the pairs.

    Returns:
        The path of the fused image of each pair, by the name of the method, in the order of names.
    """
    found = {}
    for folder in sorted(Path(root).glob('[!.]*')):
        if not folder.is_dir():
            continue
        try:
            images = {composed(name): path for name, path in list_images(folder).items()}
        except ValueError as error:  # no images, or two of one name
            warnings.warn(f'{error} The method is left out.', stacklevel=2)
            continue
        wanted = {name: composed(name) for name in pairs}
        if absent := [name for name, same in wanted.items() if same not in images]:
            warnings.warn(
                f'{folder} has no image of {len(absent)} of {len(wanted)} pairs{some_names(absent)}: the method is '
                'left out.',
                stacklevel=2,
            )
            continue
        if others := images.keys() - wanted.values():
            warnings.warn(
                f'{folder} has {len(others)} more than the images of the pairs{some_names(others)}: they are not used.',
                stacklevel=2,
            )
        found[folder.name] = {name: images[same] for name, same in wanted.items()}
    return found
