"""Initialises a pretrainer in closed form, for pretraining without a pretrained encoder."""

from itertools import islice
from typing import Any

import torch
from mmengine.dist import broadcast_object_list, get_rank
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch.utils.data import DataLoader

from mmdefusion.models.pretrainers.closed_form_init import init_in_closed_form
from mmdefusion.registry import HOOKS


@HOOKS.register_module()
class ClosedFormInitHook(Hook):
    """Fits the patch embedding and the image heads of a pretrainer to its data, before a run from random weights.

    Args:
        num_images: number of training images to fit to.
        **options: arguments of :func:`init_in_closed_form`.

    Raises:
        ValueError: if the model already starts from pretrained weights (``init_cfg``).
    """

    def __init__(self, num_images: int = 512, **options: float) -> None:
        self.num_images = num_images
        self.options = options

    def before_train(self, runner: Any) -> None:
        if runner.iter > 0 or runner._load_from is not None:
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if model.init_cfg or model.backbone.init_cfg:
            raise ValueError(
                'ClosedFormInitHook would overwrite the pretrained weights of init_cfg='
                f'{model.init_cfg or model.backbone.init_cfg}: leave one of the two out.'
            )
        state = [None]
        if get_rank() == 0:
            runner.logger.info(f'Fitting the patch embedding and the image heads to {self.num_images} images.')
            loader = next(iter(getattr(runner.train_loop, 'dataloaders', {}).values()), runner.train_loop.dataloader)
            init_in_closed_form(model, self._batches(loader, model), **self.options)
            # on the CPU: tensors are unpickled where they were, and all processes would meet on the first GPU
            state = [{name: value.cpu() for name, value in model.state_dict().items()}]
        broadcast_object_list(state)
        model.load_state_dict(state[0], strict=False)

    def _batches(self, loader: DataLoader, model: Any) -> list[torch.Tensor]:
        size = loader.batch_size
        draws = islice(iter(loader.sampler), -(-self.num_images // size) * size)
        samples = [loader.dataset[draw] for draw in draws]
        chunks = [samples[start : start + size] for start in range(0, len(samples), size)]
        return [model.data_preprocessor(loader.collate_fn(chunk), True)['inputs'] for chunk in chunks]
