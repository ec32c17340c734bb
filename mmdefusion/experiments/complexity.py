"""Measures size, operations, time and memory of models of pairs."""

from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import BaseDataElement
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mmdefusion.registry import MODELS
from mmdefusion.utils.measuring import measure


@dataclass(frozen=True)
class Complexity:
    """Size and costs of one model on one pair.

    Attributes:
        parameters: number of parameters.
        operations: multiply-adds of a test, each counted once as in the toolboxes; only those of matrix products
            (attention included) and convolutions.
        seconds: median time of a test, with pre- and post-processing.
        peak_bytes: see :class:`Measurement`.
    """

    parameters: int
    operations: int
    seconds: float
    peak_bytes: int


def build_model(config: Config, device: str = 'cpu') -> nn.Module:
    """Builds the model of a config in evaluation mode, with random weights that are the same each time."""
    init_default_scope(config.get('default_scope', 'mmdefusion'))
    torch.manual_seed(0)
    return MODELS.build(config.model).to(device).eval()


def pair_of_noise(config: Config, height: int, width: int) -> dict[str, Any]:
    """Makes a batch of one pair of noise, as a test pipeline packs it."""
    if config.default_scope == 'mmseg':
        from mmseg.structures import SegDataSample as Sample
    elif config.default_scope == 'mmdet':
        from mmdet.structures import DetDataSample as Sample
    else:
        Sample = BaseDataElement
    noise = torch.Generator().manual_seed(0)
    pair = torch.randint(256, (4, height, width), dtype=torch.uint8, generator=noise)
    shapes = dict(ori_shape=(height, width), img_shape=(height, width), scale_factor=(1.0, 1.0), img_id=0)
    return dict(inputs=[pair], data_samples=[Sample(metainfo=shapes)])


def count_operations(model: nn.Module, batch: dict[str, Any]) -> int:
    """Counts the multiply-adds of a test of one batch, see :class:`Complexity`."""
    # the counter does not know the fused attention and linear maps of CPUs, so the plain forms are used
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        torch.backends.mkldnn.flags(enabled=False),
        FlopCounterMode(display=False) as counter,
    ):
        model.test_step(batch)
    return counter.get_total_flops() // 2


def measure_complexity(model: nn.Module, batch: dict[str, Any], repeats: int = 3) -> Complexity:
    """Measures a model in evaluation mode on a batch of one pair."""

    @torch.no_grad()
    def test() -> None:
        model.test_step(batch)

    operations = count_operations(model, batch)
    measured = measure(test, repeats, next(model.parameters()).device)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Complexity(parameters, operations, measured.seconds, measured.peak_bytes)
