"""Draws held-out images during pretraining."""

from typing import Any

import numpy as np
import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import Tensor
from torch.distributed.fsdp import FullyShardedDataParallel

from mmdefusion.models.pretrainers.cud import CUDPretrainer, targets
from mmdefusion.registry import HOOKS
from mmdefusion.visualization import contact_sheet

COLUMNS = {
    'image': 'image',
    'view_a': 'view a',
    'view_b': 'view b',
    'common': 'common',
    'common_target': 'its target',
    'unique_a': 'unique a',
    'unique_a_target': 'its target',
    'unique_b': 'unique b',
    'unique_b_target': 'its target',
    'mfm': 'MFM',
    'fused': 'fused',
}


@HOOKS.register_module()
class PretrainingPanelHook(Hook):
    """Draws the same held-out images at intervals: views, parts, fused image, MFM, and their targets.

    The sheet goes to all backends of the runner's visualizer: ``vis_data/vis_image`` and, if configured, TensorBoard.

    Args:
        interval: iterations between two sheets; the last iteration has one too.
        num_images: rows of the sheet, the first images of the validation set.
        width: width of each image in pixels.

    Raises:
        ValueError: if the run has no validation set, or shards its model (FSDP), so that no process has all of it.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 1000, num_images: int = 4, width: int = 160) -> None:
        self.interval = interval
        self.num_images = num_images
        self.width = width

    def before_train(self, runner: Any) -> None:
        """Checks that the hook can draw later."""
        if runner.val_loop is None:
            raise ValueError('PretrainingPanelHook draws held-out images: set val_dataloader, or leave the hook out.')
        if isinstance(runner.model, FullyShardedDataParallel):
            raise ValueError('PretrainingPanelHook cannot draw with a model that is sharded (FSDP): leave it out.')

    @master_only
    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Draws a sheet at intervals and after the last iteration."""
        if self.every_n_train_iters(runner, self.interval) or self.is_last_train_iter(runner):
            runner.visualizer.add_image('pretraining', self.draw(runner), step=runner.iter + 1)

    def draw(self, runner: Any) -> np.ndarray:
        """Draws the sheet, H×W×3 RGB uint8."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        dataset = runner.val_loop.dataloader.dataset
        samples = [dataset[index] for index in range(min(self.num_images, len(dataset)))]
        batch = {key: [sample[key] for sample in samples] for key in samples[0]}
        batch = model.data_preprocessor(batch, False)
        columns = panel(model, batch['inputs'], batch['data_samples'])
        rows = zip(*(to_uint8(images) for images in columns.values()), strict=True)
        sheet = contact_sheet(list(rows), [COLUMNS[name] for name in columns], width=self.width)
        return sheet[..., ::-1]


@torch.no_grad()
def panel(model: CUDPretrainer, images: Tensor, data_samples: list) -> dict[str, Tensor]:
    """Decodes the images of :data:`COLUMNS` in evaluation mode, B×3×H×W each, in [0, 1] but not clipped."""
    training = model.training
    model.eval()
    with torch.random.fork_rng([images.device] if images.is_cuda else []):  # by default all GPUs', those of others too
        torch.manual_seed(0)
        views = model.seeded_views(images, data_samples)
        drawn, mfm = model.reconstruct(views.views, order='ab')
    model.train(training)
    target = targets(views)
    return {
        'image': views.image,
        'view_a': views.views.a,
        'view_b': views.views.b,
        'common': drawn.common,
        'common_target': target.common,
        'unique_a': drawn.unique_a,
        'unique_a_target': target.unique_a,
        'unique_b': drawn.unique_b,
        'unique_b_target': target.unique_b,
        'mfm': mfm,
        'fused': drawn.fused,
    }


def to_uint8(images: Tensor) -> list[np.ndarray]:
    """Converts B×3×H×W RGB in [0, 1] to images H×W×3 BGR uint8."""
    pictures = (images.float().clip(0, 1) * 255).round().byte().permute(0, 2, 3, 1).flip(-1)
    return list(pictures.cpu().numpy())
