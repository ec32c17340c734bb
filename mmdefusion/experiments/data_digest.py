"""Digests of data, by which scores of other data are known."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdefusion.datasets.transforms.append_partner import append_partner_of
from mmdefusion.datasets.wrapped import inner_datasets
from mmdefusion.registry import DATASETS
from mmdefusion.utils.storage import stamp

FILES = ('img_path', 'img_ir_path', 'seg_map_path')


def digest_data(config: Config, *splits: str) -> str:
    """A digest of the names, sizes and dates of the files of a config's data, and of their annotations.

    Args:
        config: with a dataloader of each split.
        splits: such as ``'train'`` and ``'test'``.

    Raises:
        OSError, ValueError: if the data cannot be listed.
    """
    init_default_scope(config.get('default_scope') or 'mmdefusion')
    loaders = [config[f'{split}_dataloader'] for split in splits]
    return digest_infos(info for loader in loaders for info in _infos(loader['dataset']))


def digest_infos(infos: Iterable[Mapping[str, Any]]) -> str:
    """The same of the ``data_info`` of each pair."""
    content = hashlib.sha256()
    for info in infos:
        stamps = [stamp(info[key]) for key in FILES if info.get(key)]
        content.update(repr((stamps, info.get('instances'))).encode())
    return content.hexdigest()


def _infos(dataset: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The ``data_info`` of each pair of a data set's config and of those inside it, with the path of the partner."""
    for inner, _ in inner_datasets(dataset):
        partner = append_partner_of(inner.get('pipeline') or [])
        built = DATASETS.build({**inner, 'pipeline': [], 'lazy_init': True})
        built.strict = False  # files are compared when a test or training opens them
        built.full_init()
        for index in range(len(built)):
            info = built.get_data_info(index)
            yield dict(info, img_ir_path=partner.find(info)) if partner else info
