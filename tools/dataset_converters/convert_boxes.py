"""Converts box annotations of pairs from one format to another.

    python tools/dataset_converters/convert_boxes.py --from voc --to coco --annotations Annotation --images Vis \\
        --out train.json
    python tools/dataset_converters/convert_boxes.py --from kaist --to coco --annotations annotations --images images \\
        --out kaist.json --list train.txt

Reads COCO, VOC, YOLO, KAIST's text files, and the oriented boxes of DroneVehicle and VEDAI (as horizontal bounding
boxes); writes COCO (a file), VOC or YOLO (a folder, without ignored boxes). Images are not moved. Use a COCO file in
PairedCocoDataset with data_prefix=dict(img=VISIBLE, img_ir=INFRARED); for VEDAI besides img_suffix='_co.png' and
ir_suffix='_ir.png', for KAIST with both folders the same and AppendPartner(rule=('/visible/', '/lwir/')).
"""

import argparse
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

from mmdefusion.datasets.annotation_files import read_lines
from mmdefusion.datasets.conversion import DECLARED, READERS, WRITERS, AnnotatedImage
from mmdefusion.inference.stems import some_names
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line, warn_in_a_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--from', dest='source', choices=list(READERS), required=True, help='format of the annotations')
    parser.add_argument('--to', dest='target', choices=list(WRITERS), required=True, help='format to write')
    parser.add_argument('--annotations', type=Path, required=True, help='file or folder')
    parser.add_argument('--images', type=Path, required=True, help='folder of the visible images')
    parser.add_argument('--out', type=Path, required=True, help='file (coco) or folder (voc, yolo)')
    parser.add_argument(
        '--list', type=Path, help='file with the names of a split, one per line, with or without suffix'
    )
    parser.add_argument(
        '--unlabelled',
        choices=('error', 'background', 'skip'),
        default='error',
        help='images without an annotation: refuse, take as images without objects, or leave out (default: error)',
    )
    parser.add_argument('--classes', nargs='+', help='classes to use, in this order (default: all there are, by name)')
    args = parser.parse_args()
    for path in filter(None, (args.annotations, args.images, args.list)):
        if not path.exists():
            parser.error(f'{path} is not there.')
    return args


def select(
    images: list[AnnotatedImage], args: argparse.Namespace
) -> tuple[list[AnnotatedImage], list[str], Counter[str]]:
    """Selects the images of the split and the boxes of the classes; returns the classes and what was left out too.

    Unless they are named, the classes are those of all images, so that every split numbers them alike.
    """
    known_classes = sorted({box.label for image in images for box in image.boxes})
    classes = args.classes or known_classes
    if absent := {*classes} - {*known_classes}:  # the annotations are read again only where it matters
        declared = DECLARED[args.source](args.annotations) if args.source in DECLARED else set()
        tell_absent(absent, {*classes}, {*known_classes} | declared)
    if args.list:
        wanted = {line.strip() for line in read_lines(args.list)}
        known: dict[str, AnnotatedImage] = {}
        for keys_of in (_whole_keys, _short_keys):  # 'a' is the image of the folder itself, if there is one
            found: dict[str, AnnotatedImage] = {}
            for image in images:
                for key in keys_of(image) - known.keys():
                    if key in wanted and key in found:
                        one, other = found[key].name, image.name
                        raise SystemExit(f'{key} in {args.list} may be {one} or {other}: name its folder.')
                    found[key] = image
            known |= found
        if absent := sorted(wanted - set(known)):
            raise SystemExit(f'{len(absent)} names in {args.list} are no images{some_names(absent)}.')
        chosen = {known[name].name for name in wanted}
        images = [image for image in images if image.name in chosen]
    if unlabelled := [image.name for image in images if not image.labelled]:
        if args.unlabelled == 'error':
            raise SystemExit(
                f'{len(unlabelled)} of {len(images)} images have no annotation in {args.annotations}'
                f'{some_names(unlabelled)}: add them, or set --unlabelled background (they have no objects) or skip.'
            )
        if args.unlabelled == 'skip':
            images = [image for image in images if image.labelled]
    kept = [replace(image, boxes=tuple(box for box in image.boxes if box.label in classes)) for image in images]
    others = Counter(box.label for image in images for box in image.boxes if box.label not in classes)
    return kept, classes, others


def tell_absent(absent: set[str], classes: set[str], known: set[str]) -> None:
    """Warns of classes without a box, which a split may have none of, and which keep their numbers.

    Args:
        absent: those of ``classes`` that no box is of.
        classes: what is asked for.
        known: classes that boxes are of, or that the annotations declare.

    Raises:
        SystemExit: if a name differs from a known one by the case of letters only, or none is known.
    """
    line = f'--classes: no box is of {", ".join(map(repr, sorted(absent)))}'
    have = f'; the annotations have{shown(some_names(known))}' if known else ''
    folded = {name.casefold() for name in known}
    if any(name.casefold() in folded for name in absent - known) or (known and not classes & known):
        raise SystemExit(f'{line}{have}: correct the name, or leave it out.')
    warnings.warn(f'{line}{have}.', stacklevel=3)


def _whole_keys(image: AnnotatedImage) -> set[str]:
    """The names that a list may use for an image: with its folders, with or without suffix, or the data set's own."""
    return {image.name, image.name.rpartition('.')[0], image.listed or image.name}


def _short_keys(image: AnnotatedImage) -> set[str]:
    """Those without folders."""
    return {Path(image.name).name, Path(image.name.rpartition('.')[0]).name}


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    warn_in_a_line()
    try:
        images, classes, others = select(READERS[args.source](args.annotations, args.images), args)
        WRITERS[args.target](images, classes, args.out)
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    without = args.target == 'yolo'  # the format has no ignored boxes
    counts = Counter(box.label for image in images for box in image.boxes if not (without and box.ignore))
    words = ', '.join(f'{counts[name]} {name}' for name in classes)
    ignored = sum(box.ignore for image in images for box in image.boxes)
    left_out = sum(image.left_out for image in images)
    notes = f' ({ignored} ignored)' if not without else f', {ignored} ignored ones left out' if ignored else ''
    notes += f', {left_out} objects without a box or the name of a class left out' if left_out else ''
    notes += f', {others.total()} boxes of other classes left out{shown(some_names(others))}' if others else ''
    print(f'{len(images)} images, {words or "no objects"}{notes}: {args.out}')


if __name__ == '__main__':
    main()
