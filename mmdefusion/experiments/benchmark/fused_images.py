"""Models that read fused images instead of visible images, as the literature compares fusion methods."""

from pathlib import Path

from mmengine.config import Config

from mmdefusion.apis.fused_input import FusedInput
from mmdefusion.datasets.pairing import absent_files
from mmdefusion.datasets.pipelines import READER, insert_behind
from mmdefusion.datasets.transforms.replace_visible import replacement
from mmdefusion.inference.sources import Item
from mmdefusion.utils.files import write_image
from mmdefusion.utils.progress import track

from .data_set import DataSet


def reads_fused_images(config: Config) -> bool:
    """Whether a model reads fused images instead of visible images: its config has ``fused_images = True``."""
    return config.get('fused_images', False)


def use_fused_images(config: Config, root: str, folder: Path) -> None:
    """Lets a model read fused images in both splits, in place."""
    for loader in (config.train_dataloader, config.test_dataloader):
        replace = dict(type='mmdefusion.ReplaceVisible', folder=str(folder), root=root)
        loader.dataset.pipeline = insert_behind(loader.dataset.pipeline, READER, replace)


def write_fused_images(data: DataSet, folder: Path) -> None:
    """Writes a fused image of every pair of both splits, unless it exists already.

    They are those of :class:`FusedInput`, as in all results that docs/benchmark.md has of such models. Of a pair whose
    partner is missing, it is the visible image.
    """
    pairs = [(info['img_path'], info['img_ir_path']) for info in (*data.train, *data.test)]
    if below := [visible for visible, infrared in pairs if visible == infrared]:
        raise ValueError(
            f'{below[0]} holds both images: split the files first (tools/dataset_converters/mfnet_pairs.py).'
        )
    targets = {replacement(visible, data.root, str(folder)): (visible, infrared) for visible, infrared in pairs}
    waiting = {target: pair for target, pair in targets.items() if not target.is_file()}
    if not waiting:
        return
    fuse = FusedInput()
    alone = set(absent_files([infrared for _, infrared in waiting.values()], data.backend_args))
    for target, (visible, infrared) in track(waiting.items(), 'fusing', total=len(waiting)):
        pair = Item(visible, (visible,) if infrared in alone else (visible, infrared))
        write_image(target, fuse(pair, data.resizes))
