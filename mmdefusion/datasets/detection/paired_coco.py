"""Pairs with boxes in COCO's format."""

from mmdet.datasets import CocoDataset
from mmdet.datasets.api_wrappers import COCO

from mmdefusion.registry import DATASETS

from ..annotation_files import UnusableAnnotation, check_file, reading
from ..pairing import PairedDatasetMixin
from .segmentations import check_segmentation

LARGEST_FILE = 2**34  # bytes; those of the largest public sets have one or two gigabytes


class OrderedCOCO(COCO):
    """COCO that refuses classes which the file lacks or has in another order, and masks that are no masks.

    mmdet numbers the classes in the order of the file's categories, whatever ``metainfo['classes']`` says, and skips
    classes that the file lacks: the names of all later classes would silently be wrong. Masks are checked because
    pycocotools would take any memory that they ask for, or end the process.

    Raises:
        UnusableAnnotation: if the file is not JSON in COCO format, or not a regular one, or what it says of images,
            categories and masks does not fit.
    """

    def __init__(self, annotation_file: str | None = None) -> None:
        self.annotation_file = annotation_file
        with reading(annotation_file, 'JSON in COCO format'):
            if annotation_file is not None:
                check_file(annotation_file, LARGEST_FILE)
            super().__init__(annotation_file)
            unknown = [annotation for annotation in self.anns.values() if annotation['image_id'] not in self.imgs]
        if unknown:
            raise UnusableAnnotation(
                f'{annotation_file} has {len(unknown)} annotations of images that it does not list, first annotation '
                f'{unknown[0]["id"]} of image {unknown[0]["image_id"]}; add the images or remove the annotations.'
            )
        if len(self.cats) < len(self.dataset.get('categories', ())):
            raise UnusableAnnotation(f'{annotation_file} has two categories of one id; give each its own.')
        for annotation in self.anns.values():
            self._check_mask(annotation)

    def _check_mask(self, annotation: dict) -> None:
        image = self.imgs[annotation['image_id']]
        try:
            check_segmentation(annotation.get('segmentation'), image.get('width'), image.get('height'))
        except ValueError as error:
            raise UnusableAnnotation(
                f'{self.annotation_file}: the segmentation of annotation {annotation["id"]!r:.40} {error}; correct or '
                'remove it.'
            ) from None

    def get_cat_ids(self, cat_names=(), sup_names=(), cat_ids=()) -> list[int]:
        ids = super().get_cat_ids(list(cat_names), list(sup_names), list(cat_ids))
        found = [self.cats[cat_id]['name'] for cat_id in ids]
        if cat_names and found != list(cat_names):
            have = [category['name'] for category in self.cats.values()]
            raise UnusableAnnotation(
                f'{self.annotation_file} has the categories {have}, the data set the classes {list(cat_names)}; '
                'set metainfo=dict(classes=...) to names of that file, in its order.'
            )
        return ids


@DATASETS.register_module()
class PairedCocoDataset(PairedDatasetMixin, CocoDataset):
    """Pairs with boxes in COCO's format, e.g. ``data_prefix=dict(img='vi/', img_ir='ir/')``.

    The arguments are those of :class:`mmdet.datasets.CocoDataset` and :class:`PairedDatasetMixin`. Name the classes by
    ``metainfo=dict(classes=(...))``, in the order of the file's categories.

    Args:
        img_suffix: how visible names end, such as '_co.png', where more than the extension differs from ``ir_suffix``.

    Raises:
        UnusableAnnotation: if the classes are not those of the annotation file or have another order, or the file is
            not JSON, or has annotations of images that it does not list, two categories of one id, or masks that are
            none. Likewise if it is not a regular file, or has more than 16 GiB.
    """

    COCOAPI = OrderedCOCO

    def __init__(self, *args, img_suffix: str | None = None, **kwargs) -> None:
        self.img_suffix = img_suffix
        super().__init__(*args, **kwargs)

    def list_samples(self) -> list[dict]:
        with reading(self.ann_file, 'JSON in COCO format'):
            return super().list_samples()
