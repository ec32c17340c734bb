"""Makes pairs of SICE's exposure series: the darkest and the brightest image of each scene.

    python tools/dataset_converters/sice_pairs.py Dataset_Part1 data/SICE

SICE (Cai et al., 2018) has a folder of 3 to 18 images for each scene, Dataset_Part1/1/1.JPG and so on, and one folder
Label, which is left out, as is what is hidden. Writes OUT/under/SCENE.* and OUT/over/SCENE.*, as links if the file
system supports them.
"""

import argparse
import shutil
from pathlib import Path

from mmdefusion.utils.files import make_writable
from mmdefusion.utils.image_headers import IMAGE_SUFFIXES
from mmdefusion.utils.image_io import read_image
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.utils.progress import track

SIDES = {'under': min, 'over': max}


def series(root: Path, out: Path) -> dict[str, list[Path]]:
    """The images of each scene by name, for scenes with two or more images; what lies in ``out`` is no scene."""
    written = [(out / side).resolve() for side in SIDES]
    scenes = {
        folder.name: [path for path in not_hidden(folder) if path.suffix.lower() in IMAGE_SUFFIXES]
        for folder in not_hidden(root)
        if folder.is_dir() and folder.name != 'Label' and folder.resolve() not in written
    }
    return {name: paths for name, paths in scenes.items() if len(paths) > 1}


def not_hidden(folder: Path) -> list[Path]:
    """What lies in a folder and is not hidden, in the order of names; systems hide notes beside images."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith('.'))


def place(path: Path, target: Path) -> None:
    """Links or copies the image."""
    target.unlink(missing_ok=True)
    try:
        target.symlink_to(path.resolve())
    except OSError:  # a file system without links
        shutil.copyfile(path, target)


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', type=Path, metavar='DATASET_PART', help='folder with a folder for each scene')
    parser.add_argument('out', type=Path, help='folder that gets under/ and over/')
    args = parser.parse_args()
    if not args.root.is_dir():
        parser.error(f'{args.root} is no folder.')
    try:
        for side in SIDES:
            make_writable(args.out / side)
        scenes = series(args.root, args.out)
        if not scenes:
            raise ValueError(f'{args.root} has no folder with two images or more, such as {args.root}/1.')
        for name, paths in track(scenes.items(), 'looking'):
            brightness = {path: read_image(str(path), channels=None).mean() for path in paths}
            for side, choose in SIDES.items():
                path = choose(brightness, key=brightness.get)
                place(path, args.out / side / f'{name}{path.suffix.lower()}')
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    print(f'{len(scenes)} pairs in {args.out}')


if __name__ == '__main__':
    main()
