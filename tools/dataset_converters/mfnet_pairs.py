"""Splits MFNet's 4-channel PNG files into pairs of files, and joins them again.

python tools/dataset_converters/mfnet_pairs.py split images vi ir
python tools/dataset_converters/mfnet_pairs.py join images vi ir
"""

import argparse
from pathlib import Path

import numpy as np

from mmdefusion.inference.stems import match_stems
from mmdefusion.utils.files import make_writable, write_image
from mmdefusion.utils.image_io import read_image, read_stored
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.utils.progress import track


def check_distinct(*folders: Path) -> None:
    """Raises a ValueError if two of the folders are one: the images in it would be overwritten."""
    known: dict[Path, Path] = {}
    for folder in folders:
        if (other := known.setdefault(folder.resolve(), folder)) is not folder:
            raise ValueError(f'{other} and {folder} are one folder, whose images would be overwritten: name three.')


def split(images: Path, visible: Path, infrared: Path) -> int:
    """Writes the colour image and the fourth channel of each file; returns the number of files."""
    check_distinct(images, visible, infrared)
    paths = sorted(path for path in images.glob('*.png') if not path.name.startswith('.'))
    if not paths:
        raise SystemExit(f'There are no PNG files in {images}.')
    for path in track(paths, 'splitting'):
        image = read_stored(str(path), alpha=True)
        if image.ndim != 3 or image.shape[2] != 4:
            raise SystemExit(f'{path} is not an image of four channels.')
        write_image(visible / path.name, image[..., :3])
        write_image(infrared / path.name, image[..., 3])
    return len(paths)


def join(images: Path, visible: Path, infrared: Path) -> int:
    """Undoes :func:`split`."""
    check_distinct(images, visible, infrared)
    pairs = match_stems([visible, infrared])
    for name, (one, other) in track(pairs.items(), 'joining'):
        stored = [read_stored(path) for path in (one, other)]
        if {image.dtype for image in stored} == {np.dtype(np.uint16)} and [image.ndim for image in stored] == [3, 2]:
            colour, grey = stored  # as split wrote them
        else:
            colour, grey = read_image(one, channels=3), read_image(other, channels=1)
        if colour.shape[:2] != grey.shape[:2]:
            raise SystemExit(f'{one} and {other} differ in size.')
        write_image(images / f'{name}.png', np.dstack([colour, grey]))
    return len(pairs)


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'direction', choices=('split', 'join'), help='split: IMAGES to VISIBLE and INFRARED; join: these to IMAGES'
    )
    for name in ('images', 'visible', 'infrared'):
        parser.add_argument(
            name, type=Path, help=f'folder of the {name}' if name == 'images' else f'folder of the {name} images'
        )
    args = parser.parse_args()
    try:
        for folder in (args.visible, args.infrared) if args.direction == 'split' else (args.images,):
            make_writable(folder)
        count = {'split': split, 'join': join}[args.direction](args.images, args.visible, args.infrared)
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    print(f'{count} images')


if __name__ == '__main__':
    main()
