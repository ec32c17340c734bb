"""M3FD: road and campus scenes, six classes."""

import logging
import os
import random
from collections.abc import Sequence

from mmengine.logging import print_log

from mmdefusion.registry import DATASETS

from .paired_xml import PairedXMLDataset

SPLITS = ('train', 'val', 'test')
FRACTIONS = (0.6, 0.2, 0.2)


def split_by_blocks(ids: Sequence[str], split: str, seed: int = 0, block: int = 50) -> list[str]:
    """Splits the images into train (60 %), val (20 %) and test (20 %) by blocks of neighbouring frames.

    The ids are sorted by number and cut into blocks, and the blocks are shuffled, not the frames: so frames that are a
    moment apart nearly always share a split. If single frames were shuffled, almost the same image would be in train
    and in test.

    Args:
        ids: ids of all images.
        split: 'train', 'val' or 'test'.
        seed: seed of the shuffling.
        block: frames in a block, at most a tenth of all frames.

    Returns:
        The ids of ``split``, sorted by number.
    """
    ids = sorted(ids, key=lambda image_id: (int(image_id) if image_id.isdigit() else -1, image_id))
    block = max(1, min(block, len(ids) // 10))
    blocks = [ids[start : start + block] for start in range(0, len(ids), block)]
    order = list(range(len(blocks)))
    random.Random(seed).shuffle(order)
    train, val = (round(sum(FRACTIONS[:count]) * len(blocks)) for count in (1, 2))
    mine = {'train': order[:train], 'val': order[train:val], 'test': order[val:]}[split]
    return [image_id for index in sorted(mine) for image_id in blocks[index]]


@DATASETS.register_module()
class M3FDDataset(PairedXMLDataset):
    """M3FD: 4,200 pairs of 1024×768 (Liu et al., TarDAL, CVPR 2022; github.com/dlut-dimt/TarDAL).

    Layout: Vis/, Ir/ and Annotation/ (or Annotations/). ``ann_file`` is a list of ids, such as TarDAL's meta/train.txt
    and meta/val.txt. The data set has no official split and no scene labels: without ``ann_file``, ``split`` selects a
    part by :func:`split_by_blocks`; without both, all images are used.

    Args:
        split: 'train', 'val' or 'test'.
        split_seed: seed of the split.
        ann_file: list of ids, instead of ``split``.
        kwargs: as in :class:`PairedXMLDataset`.

    Raises:
        ValueError: if there is no such split, or ``ann_file`` is given beside it.
    """

    METAINFO = dict(
        dataset_type='M3FD',
        classes=('People', 'Car', 'Bus', 'Motorcycle', 'Lamp', 'Truck'),
        palette=[(220, 20, 60), (0, 0, 142), (0, 60, 100), (0, 0, 230), (250, 170, 30), (0, 0, 70)],
    )
    DATA_PREFIX = dict(img='Vis', img_ir='Ir', ann='Annotation')

    def __init__(self, split: str | None = None, split_seed: int = 0, ann_file: str = '', **kwargs) -> None:
        if split is not None and split not in SPLITS:
            raise ValueError(f'split={split!r} must be one of {", ".join(map(repr, SPLITS))}, or None.')
        if split is not None and ann_file:
            raise ValueError(f'split={split!r} and ann_file={ann_file!r} are two splits; give one of them.')
        self.split = split
        self.split_seed = split_seed
        super().__init__(ann_file=ann_file, **kwargs)

    def _join_prefix(self) -> None:
        super()._join_prefix()
        folder = self.data_prefix['ann'].rstrip('/' + os.sep)
        other = folder.removesuffix('s') if folder.endswith('s') else f'{folder}s'
        if os.path.isdir(other) and not os.path.isdir(folder):
            self.data_prefix['ann'] = other

    def load_ids(self) -> list[str]:
        ids = super().load_ids()
        if self.split is None:
            return ids
        print_log(
            f"M3FD {self.split} is mmdefusion's own split (seed {self.split_seed}): M3FD publishes none, so results on "
            'it are not comparable with published numbers. Set ann_file to use a published list.',
            logger='current',
            level=logging.WARNING,
        )
        return split_by_blocks(ids, self.split, self.split_seed)
