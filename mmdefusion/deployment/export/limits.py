"""Refuses to write what the runtime would not read, before a network is loaded and traced for minutes."""

import os
from pathlib import Path

from mmdefusion.utils.files import make_writable
from mmdefusion.utils.image_headers import max_pixels

from ..metadata import KEY, LONGEST_SIDE, Metadata, parse_metadata, wrong_field

PLACES = {
    'size': '--size',
    'scale': 'scale of Resize in the test pipeline',
    'thermal_range': 'fixed_range of AppendPartner',
    'percentiles': 'percentiles of AppendPartner',
    'mask_threshold': 'mask_thr_binary in test_cfg',
}


def check_metadata(metadata: Metadata) -> None:
    """Checks what a file is to say of itself by the rules of its reader.

    Raises:
        ValueError: if the reader would refuse it.
    """
    values = vars(metadata)
    key = wrong_field(values)
    if key in ('size', 'scale'):
        sides = 'x'.join(map(str, values[key] if key == 'scale' else values[key][::-1]))
        raise ValueError(
            f'{PLACES[key]} {sides} cannot be exported: give two sides of 1 to {LONGEST_SIDE} pixels, with at most '
            f'{max_pixels()} pixels in all.'
        )
    if key:
        place = PLACES.get(key, f'{key} of the data set')
        raise ValueError(f'{place} cannot be exported with the value {str(values[key])[:80]}: change it in the config.')
    parse_metadata({KEY: metadata.to_text()}, 'The file')


def check_target(out: str | os.PathLike) -> None:
    """Checks that a file can be written; makes its folder.

    Raises:
        OSError: if it is a folder, or nothing can be written into the folder that it is to lie in.
        ValueError: if its name does not end in .onnx.
    """
    if Path(out).suffix != '.onnx':
        raise ValueError(f'{out} must end in .onnx.')
    if Path(out).is_dir():
        raise IsADirectoryError(f'{out} is a folder: name a file.')
    make_writable(Path(out).parent)
