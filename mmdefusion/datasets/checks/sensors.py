"""Guesses which sensor took which image of a pair: infrared images are grey, visible images have colours."""

from collections.abc import Sequence

from mmdefusion.utils.false_colours import COLOURED, GREY, colourfulness
from mmdefusion.utils.image_io import UnusableImage, read_image
from mmdefusion.utils.spread import evenly_spread

LOOKED_AT = 24  # pairs of a data set, evenly spread


def sensor_guesses(pairs: Sequence[tuple[str, str]], backend_args: dict | None = None) -> list[str]:
    """Warns if most pairs look as if their sensors were swapped, or their infrared images in false colours.

    Args:
        pairs: paths of visible and infrared images. Up to 24 pairs are decoded; pairs that cannot be read are skipped.
        backend_args: arguments of the file backend.
    """
    swapped, coloured, seen = [], [], 0
    for visible, infrared in evenly_spread(pairs, LOOKED_AT):
        try:
            images = [read_image(path, 3, backend_args=backend_args)[::2, ::2] for path in (visible, infrared)]
        except (OSError, UnusableImage):  # reported by the check of the files
            continue
        seen += 1
        of_visible, of_infrared = map(colourfulness, images)
        if of_visible < GREY < of_infrared:
            swapped.append((visible, infrared))
        elif of_infrared > COLOURED:
            coloured.append((visible, infrared))
    if 2 * len(swapped) > seen:
        visible, infrared = swapped[0]
        return [
            f'the sensors may be swapped: {visible} is grey and {infrared} has colours ({len(swapped)} of {seen} pairs '
            'checked); exchange the folders in data_prefix'
        ]
    if 2 * len(coloured) > seen:
        return [
            f'infrared images may be in false colours: {coloured[0][1]} ({len(coloured)} of {seen} pairs checked); '
            'their grey values are no temperatures: use the raw images, or exchange the folders if these are visible'
        ]
    return []
