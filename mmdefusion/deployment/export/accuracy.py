"""How good the results of a runtime are: against the truth, or for fused images by metrics of fusion."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from mmdefusion.datasets.annotation_files import CocoImage, read_coco_file
from mmdefusion.datasets.label_maps import read_label_map
from mmdefusion.datasets.wrapped import inner_datasets
from mmdefusion.evaluation.functional.gray import to_grey
from mmdefusion.evaluation.functional.vifb import vifb_scores
from mmdefusion.evaluation.subset_scores import class_iou, class_precision
from mmdefusion.inference.sources import Item
from mmdefusion.registry import DATASETS
from mmdefusion.utils.image_io import reverse_channels

from ..detector import OnnxDetector
from ..fuser import OnnxFuser
from ..segmenter import OnnxSegmenter

FUSION = ('Ssim', 'Qabf', 'Psnr')  # of the VIFB metrics, on grey images


def assess(
    runtime: Any, items: Sequence[Item], truth: Path | None, labels: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """Scores by name.

    Args:
        runtime: one of :mod:`mmdefusion.deployment`.
        items: the pairs.
        truth: for a detector boxes in COCO's format, for a segmenter a folder of label maps with the names of the
            visible images; None scores fused images only.
        labels: how label maps are read (:func:`reading_of_labels`); None as they are.

    Raises:
        OSError: if the truth cannot be read.
        ValueError: if it is not in that form, or lacks a pair.
    """
    if isinstance(runtime, OnnxFuser):
        return fusion_scores(runtime, items)
    if truth is None:
        return {}
    predictions = {item.name: runtime(*item.images, resize=True)['predictions'][0] for item in items}
    if isinstance(runtime, OnnxDetector):
        return box_scores(predictions, truth, runtime)
    return mask_scores(predictions, truth, runtime, labels or {})


def reading_of_labels(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """How a data set of mmseg reads label maps, as fields of its ``data_info``; the first of several.

    Raises:
        ValueError: if the data set cannot be built, as where its folders are not there.
    """
    inner, _ = next(inner_datasets(dataset))
    try:
        built = DATASETS.build({**inner, 'lazy_init': True, 'pipeline': []})
    except AssertionError as error:  # which data sets of mmseg raise for folders that are not there
        raise ValueError(
            f'{inner["type"]} of test_dataloader cannot be built ({error}): is its data_root there?'
        ) from None
    return dict(reduce_zero_label=built.reduce_zero_label, label_map=built.label_map)


def fusion_scores(runtime: OnnxFuser, items: Sequence[Item]) -> dict[str, float]:
    """Means of three metrics of fusion."""
    rows = []
    for item in items:
        images = item.read()
        found = [*images, runtime.fuse(images).images['fused']]
        scores = vifb_scores(*(to_grey(reverse_channels(image)) for image in found))
        rows.append([scores[name] for name in FUSION])
    return dict(zip(FUSION, map(float, np.mean(rows, axis=0)), strict=True))


def box_scores(predictions: dict[str, dict], truth: Path, runtime: OnnxDetector) -> dict[str, float]:
    """COCO's mAP and AP50 in percent."""
    classes, coco = runtime.metadata.classes, read_coco_file(truth)
    categories = {name: number for number, name in coco.categories.items()}
    if missing := [name for name in classes if name not in categories]:
        raise ValueError(f'{truth} lacks {", ".join(missing[:5])}: name the file of these pairs and classes.')
    images = find_images(predictions, coco.images, truth)
    found = [
        dict(
            image_id=images[name],
            category_id=categories[classes[label]],
            bbox=[x0, y0, x1 - x0, y1 - y0],
            score=score,
        )
        for name, one in predictions.items()
        for (x0, y0, x1, y1), score, label in zip(one['bboxes'], one['scores'], one['labels'], strict=True)
    ]
    precision = 100 * class_precision(truth, found, list(images.values()), classes)
    return dict(mAP=float(np.nanmean(precision)), AP50=float(np.nanmean(precision[0])))


def find_images(names: Iterable[str], images: Sequence[CocoImage], truth: Path) -> dict[str, int | str]:
    """The id of the image that each pair is of: the one of its name or, if some pair has none, of its name without
    folders, where no two images and no two pairs share one.

    Raises:
        ValueError: if a pair has no image, or cannot be told from another.
    """
    names = list(names)
    ids = {os.path.splitext(image.name)[0]: image.id for image in images}
    if len(ids) == len(images) and ids.keys() >= set(names):
        return {name: ids[name] for name in names}
    ids, short = {PurePath(image.name).stem: image.id for image in images}, [PurePath(name).name for name in names]
    if missing := [name for name, stem in zip(names, short, strict=True) if stem not in ids]:
        raise ValueError(f'{truth} lacks {", ".join(missing[:5])}: name the file of these pairs and classes.')
    if len(ids) < len(images) or len(set(short)) < len(short):
        raise ValueError(f'{truth} does not tell the pairs apart: write the names of their folders into file_name.')
    return {name: ids[stem] for name, stem in zip(names, short, strict=True)}


def mask_scores(
    predictions: dict[str, np.ndarray], truth: Path, runtime: OnnxSegmenter, labels: Mapping[str, Any]
) -> dict[str, float]:
    """mIoU in percent over the classes that occur."""
    pairs = []
    for name, mask in predictions.items():
        file = truth / f'{name}.png'
        if not file.is_file():
            raise FileNotFoundError(f'{file} is not there: name the folder that has a label map for each pair.')
        label = read_label_map(dict(reduce_zero_label=False, label_map=None, seg_map_path=str(file)) | dict(labels))
        if label.shape != mask.shape:
            raise ValueError(
                f'{file} has the shape {label.shape}, its pair {mask.shape}: name the labels of the pairs.'
            )
        pairs.append((mask, label))
    return dict(mIoU=float(100 * np.nanmean(class_iou(pairs, len(runtime.metadata.classes)))))
