"""Small pretrainers and runs of them, for tests."""

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
import torch
from mmengine.config import Config

from mmdefusion.models.backbones import DeFusionEncoder, MAEEncoder
from mmdefusion.registry import MODELS

SMALL = dict(embed_dims=32, depth=3, num_heads=2, last_num_heads=4)
TEACHER = dict(embed_dims=48, depth=2, num_heads=2, last_num_heads=2)


def cud_config(**options) -> dict:
    head = dict(type='mmdefusion.ImageHead', embed_dims=32)
    return (
        dict(
            type='mmdefusion.CUDPretrainer',
            data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
            backbone=dict(type='mmdefusion.DeFusionEncoder', arch=SMALL),
            neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=32)],
            common_head=head,
            unique_head=head,
            fused_head=head,
            mfm_head=dict(type='mmdefusion.MFMHead', embed_dims=32),
            view_generator=dict(type='mmdefusion.MaskedViews'),
            cud_loss=dict(type='mmdefusion.CUDLoss'),
        )
        | options
    )


def mcud_config(checkpoint: str | None = None, **options) -> dict:
    teacher = dict(type='mmdefusion.MAETeacher', arch=TEACHER, checkpoint=checkpoint)
    return (
        cud_config()
        | dict(
            type='mmdefusion.MCUDPretrainer',
            infrared_teacher=teacher,
            visible_teacher=teacher,
            teacher_head=dict(type='mmdefusion.TeacherPredictionHead', embed_dims=32, teacher_dims=48),
            mcud_loss=dict(type='mmdefusion.MCUDLoss'),
        )
        | options
    )


def fusion_distiller_config() -> dict:
    return dict(
        type='mmdefusion.FusionDistiller',
        data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
        backbone=dict(type='mmdefusion.DeFusionEncoder', arch=SMALL),
        neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=32)],
        head=dict(type='mmdefusion.DistillationHead', embed_dims=32, teacher_dims=32),
    )


def map_distiller_config(folder: Path, **teacher: int) -> dict:
    """What the distillers of maps share, with a small public ViT in ``folder`` as teacher of maps of 24 channels."""
    torch.manual_seed(1)
    state = {name: value for name, value in DeFusionEncoder(SMALL).state_dict().items() if 'skip_norm' not in name}
    torch.save({**state, 'pos_embed': torch.randn(1, 10, 32)}, folder / 'vit.pth')
    vit = dict(type='mmdefusion.ViTTeacher', checkpoint=str(folder / 'vit.pth'), arch=SMALL, layer=2)
    return dict(
        data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
        teacher=vit | teacher,
        head=dict(type='mmdefusion.DistillationHead', embed_dims=24, teacher_dims=64),
        views=dict(type='mmdefusion.StudentViews', sides=(2, 3)),
    )


def build(config: dict) -> torch.nn.Module:
    torch.manual_seed(0)
    return MODELS.build(config)


def train(
    model: torch.nn.Module, inputs: Sequence[torch.Tensor], steps: int, lr: float
) -> dict[str, tuple[float, float]]:
    """Trains a pretrainer on batches in turn.

    Returns:
        The mean of each loss over the first tenth of the steps, and over the last fifth, by its name.
    """
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=lr)
    rows = []
    for step in range(steps):
        found = model(inputs[step % len(inputs)], mode='loss')
        optimizer.zero_grad()
        sum(found.values()).backward()
        optimizer.step()
        rows.append(torch.stack([*found.values()]).detach())
    first, last = torch.stack(rows[: steps // 10]).mean(0), torch.stack(rows[-(steps // 5) :]).mean(0)
    return dict(zip(found, zip(first.tolist(), last.tolist(), strict=True), strict=True))


def write_fuser(path: Path, meta: dict | None = None, **weights: torch.Tensor | None) -> str:
    """A checkpoint of untrained weights that carries its config.

    Args:
        path: of the file.
        meta: what it carries in place of the config's source.
        **weights: in place of those of these names, dots as ``__``; None leaves one out.
    """
    state = build(cud_config()).state_dict() | {key.replace('__', '.'): value for key, value in weights.items()}
    state = {key: value for key, value in state.items() if value is not None}
    torch.save({'state_dict': state, 'meta': meta or {'cfg': f'model = {cud_config()!r}'}}, path)
    return str(path)


def write_images(folder: Path, count: int, size: tuple[int, int] = (40, 56), seed: int = 0) -> Path:
    """Smooth colour images as PNG files."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for index in range(count):
        cells = random.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f'{index:03d}.png'), cv2.resize(cells, size[::-1], interpolation=cv2.INTER_CUBIC))
    return folder


def joint_config(root: Path, max_iters: int, **options) -> Config:
    """A whole run on images and pairs that :func:`write_images` and :func:`write_teacher` left in ``root``."""
    load = [dict(type='mmdefusion.LoadAnyImage')]
    pack = [dict(type='mmdefusion.RandomResizedCrop', size=32), dict(type='mmdefusion.PackImages')]
    loader = dict(batch_size=2, num_workers=1, sampler=dict(type='mmdefusion.ResumableSampler'))
    images = dict(type='mmdefusion.ImageFolders', data_root=str(root), folders='vi', pipeline=load + pack)
    pairs = dict(images, type='mmdefusion.PairFolders', partners='ir')
    pairs['pipeline'] = [*load, dict(type='mmdefusion.AppendPartner'), *pack]
    held_out = dict(images, pipeline=[*load, dict(type='mmdefusion.ResizedCenterCrop', size=32), pack[1]])
    config = dict(
        default_scope='mmengine',
        model=mcud_config(str(root / 'teacher.pth')),
        train_dataloader=dict(images=loader | dict(dataset=images), pairs=loader | dict(dataset=pairs)),
        val_dataloader=dict(batch_size=2, sampler=dict(type='DefaultSampler', shuffle=False), dataset=held_out),
        val_evaluator=dict(type='mmdefusion.FusedReconstruction'),
        val_cfg=dict(),
        train_cfg=dict(
            type='mmdefusion.PretrainLoop', turns=('images', 'pairs'), max_iters=max_iters, val_interval=1000
        ),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3)),
        param_scheduler=[dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20)],
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=10),
        ),
        custom_hooks=[dict(type='mmdefusion.PlainCheckpointHook'), dict(type='mmdefusion.FiniteLossHook')],
        log_processor=dict(by_epoch=False, window_size=1),
        visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
        find_unused_parameters=True,
        randomness=dict(seed=0),
        work_dir=str(root / 'work'),
        experiment_name=uuid4().hex,  # two runs of one second would share MMEngine's loggers and backends
    )
    return Config(config | options)


def write_teacher(path: Path) -> None:
    torch.manual_seed(3)
    torch.save(MAEEncoder(TEACHER).state_dict(), path)
