"""Pairs with labels for each patch, from any detection or segmentation data set."""

import copy
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from mmdefusion.datasets.label_maps import read_label_map
from mmdefusion.datasets.transforms import AppendPartner, LoadAnyImage
from mmdefusion.datasets.transforms.append_partner import append_partner_of
from mmdefusion.datasets.wrapped import inner_datasets
from mmdefusion.models.layers import PATCH_SIZE
from mmdefusion.registry import DATASETS
from mmdefusion.utils.image_headers import read_header

IGNORED = 255  # mmseg's label of ignored pixels
COVERED = 0.25  # share of a patch that a class must cover


class LabelledPairs:
    """The pairs of one split of a config, at one size.

    A patch has a class if the class covers a quarter of it, or if the centre of a box lies in it. Patches that are
    mostly ignored do not count.

    Args:
        config: config with a dataloader for the split, whose data set has boxes (mmdet) or label maps (mmseg).
        split: ``'train'`` or ``'test'`` (``'val'`` if there is no test).
        size: height and width to which pairs are resized, multiples of 16.

    Raises:
        ValueError: if the config has no such split, or its data have neither boxes nor label maps.
    """

    def __init__(self, config: Config, split: str, size: tuple[int, int]) -> None:
        if any(side % PATCH_SIZE for side in size):
            raise ValueError(f'size={size} must be multiples of {PATCH_SIZE}.')
        loader = config.get(f'{split}_dataloader') or (config.get('val_dataloader') if split == 'test' else None)
        if not loader:
            raise ValueError(f'{config.filename} has no {split}_dataloader: name a config with labelled pairs.')
        init_default_scope(config.get('default_scope') or 'mmdefusion')
        settings, self.append_partner = _bare(loader['dataset'])
        self.data = DATASETS.build(settings)
        self.classes = tuple(self.data.metainfo.get('classes') or ())
        if not self.classes:
            raise ValueError(f'The {split} data of {config.filename} names no classes: set metainfo.')
        self.size = size
        self.load = LoadAnyImage()

    def __len__(self) -> int:
        return len(self.data)

    def images(self, index: int) -> Tensor:
        """Reads a pair as 6×H×W, RGB in [0, 1], visible first."""
        image = self.append_partner(self.load(self.data.get_data_info(index)))['img']
        height, width = self.size
        image = np.dstack([cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA) for part in _parts(image)])
        return torch.from_numpy(image[..., [2, 1, 0, 5, 4, 3]].copy()).permute(2, 0, 1).float() / 255

    def labels(self, index: int) -> tuple[Tensor, Tensor]:
        """Whether each patch has each class, K×P bool, and whether each patch counts, P bool."""
        info = self.data.get_data_info(index)
        grid = self.size[0] // PATCH_SIZE, self.size[1] // PATCH_SIZE
        if 'instances' in info:
            labels, counts = label_boxes(info['instances'], len(self.classes), _shape(info), grid)
        elif info.get('seg_map_path'):
            labels, counts = label_map(self._read_map(info), len(self.classes), grid)
        else:
            raise ValueError(f'{info["img_path"]} has neither boxes (instances) nor a label map (seg_map_path).')
        return labels.flatten(1), counts.flatten()

    def _read_map(self, info: dict[str, Any]) -> np.ndarray:
        """The label map of an image as training sees it, H×W."""
        labels = read_label_map(info, self.data.backend_args)
        if labels.ndim != 2:
            raise ValueError(f'{info["seg_map_path"]} has shape {labels.shape}: a colour image instead of labels.')
        return labels


def label_boxes(
    instances: Sequence[dict], num_classes: int, shape: tuple[int, int], grid: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Turns boxes (x1, y1, x2, y2) of an image of ``shape`` into labels K×h×w and whether patches count, h×w."""
    covered = torch.zeros(num_classes + 1, *grid)  # the last: ignored
    centres = torch.zeros(num_classes, *grid, dtype=torch.bool)
    rows, columns = torch.arange(grid[0]).float(), torch.arange(grid[1]).float()
    for instance in instances:
        x1, x2 = (instance['bbox'][i] * grid[1] / shape[1] for i in (0, 2))
        y1, y2 = (instance['bbox'][i] * grid[0] / shape[0] for i in (1, 3))
        high = ((rows + 1).clamp(max=y2) - rows.clamp(min=y1)).clamp(min=0)
        wide = ((columns + 1).clamp(max=x2) - columns.clamp(min=x1)).clamp(min=0)
        label = num_classes if instance.get('ignore_flag') else int(instance['bbox_label'])
        covered[label] = torch.maximum(covered[label], high[:, None] * wide)
        if label < num_classes:
            row, column = int((y1 + y2) / 2), int((x1 + x2) / 2)
            centres[label, min(max(row, 0), grid[0] - 1), min(max(column, 0), grid[1] - 1)] = True
    return (covered[:-1] >= COVERED) | centres, covered[-1] < 0.5


def label_map(labels: np.ndarray, num_classes: int, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Turns a label map H×W into labels K×h×w and whether patches count, h×w."""
    size = grid[::-1]
    shares = [
        cv2.resize((labels == label).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        for label in (*range(num_classes), IGNORED)
    ]
    covered = torch.from_numpy(np.stack(shares))
    return covered[:-1] >= COVERED, covered[-1] < 0.5


def _shape(info: dict) -> tuple[int, int]:
    """Height and width of the visible image."""
    if 'height' in info and 'width' in info:
        return info['height'], info['width']
    header = read_header(info['img_path'])
    return header.height, header.width


def _bare(settings: dict) -> tuple[dict, AppendPartner]:
    """The config of the data set without wrappers and filter, and its AppendPartner, which is all of its pipeline."""
    inner = [dataset for dataset, _ in inner_datasets(settings)]
    if len(inner) != 1:
        raise ValueError(f'{settings["type"]} holds {len(inner)} data sets: give a config with one of them.')
    append = append_partner_of(inner[0].get('pipeline') or ()) or AppendPartner()
    return {**copy.deepcopy(dict(inner[0])), 'pipeline': [append], 'test_mode': True}, append


def _parts(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Visible and infrared, three channels each."""
    partner = image[..., 3:]
    return image[..., :3], np.repeat(partner, 3, axis=2) if partner.shape[2] == 1 else partner
