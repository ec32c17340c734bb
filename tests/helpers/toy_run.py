"""Runs of a toy model that draws at random wherever a toolbox's models and data do, in seconds."""

import random
from pathlib import Path
from uuid import uuid4

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS
from torch import Tensor, nn


@DATASETS.register_module(force=True)
class ToyDataset(BaseDataset):
    """Numbers, jittered by each of the three generators that transforms draw from."""

    def load_data_list(self) -> list[dict]:
        return [dict(value=float(index), width=1 + index % 2, height=1) for index in range(12)]

    def prepare_data(self, idx: int) -> dict[str, Tensor]:
        jitter = random.random() + np.random.rand() + torch.rand(1).item()
        return dict(inputs=torch.tensor([self.get_data_info(idx)['value'] / 10, jitter]))


@MODELS.register_module(force=True)
class ToyModel(BaseModel):
    """Dropout, batch norm and a loss.

    Args:
        break_at: from this training step on the gradient (``broken='gradient'``) or the loss is NaN.
    """

    def __init__(self, broken: str = 'loss', break_at: int | None = None) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.broken, self.break_at, self.step = broken, break_at, 0
        self.register_buffer('mask', torch.tensor([0.0, -torch.inf]))

    def forward(self, inputs: list[Tensor], mode: str = 'loss') -> dict[str, Tensor]:
        outputs = self.layers(torch.stack(list(inputs)))
        self.step += 1
        if self.step == self.break_at and self.broken == 'gradient':
            outputs.register_hook(lambda gradient: gradient * torch.nan)
        loss = (outputs - torch.rand(1)).square().mean()
        return dict(loss=loss * torch.nan if self.step == self.break_at and self.broken == 'loss' else loss)


def toy_config(work_dir: Path, runtime: Path, max_iters: int = 6, **options) -> Config:
    """By one of our runtimes, which is what is tested."""
    config = Config.fromfile(runtime)
    config.merge_from_dict(
        dict(
            default_scope='mmengine',
            default_hooks=dict(logger=dict(interval=1), checkpoint=dict(interval=2)),
            model=dict(type='ToyModel'),
            train_dataloader=dict(
                batch_size=2,
                num_workers=0,
                sampler=dict(type='InfiniteSampler', shuffle=True),
                dataset=dict(type='ToyDataset'),
            ),
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=max_iters, val_interval=1000),
            optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-2)),
            param_scheduler=[dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=4)],
            randomness=dict(seed=0),
            work_dir=str(work_dir),
        )
    )
    for name in ('visualization', 'num_classes'):  # a toolbox's own
        config.default_hooks.pop(name, None)
    config.visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
    config.experiment_name = uuid4().hex  # two runs of one second would share MMEngine's message hub
    config.pop('tta_model', None)
    config.merge_from_dict(options)
    return config
