"""A small DeFusionPP and what one process of a distributed run does with it (workers import this module)."""

import os

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.testing import assert_close

from mmdefusion.registry import MODELS

SMALL = {'embed_dims': 32, 'depth': 7, 'num_heads': 2, 'last_num_heads': 4}


def build(pyramid: str, **options) -> nn.Module:
    """With a spatial prior where ``pyramid`` ends in ``+prior``; a guide starts open, so that its tokens count."""
    torch.manual_seed(0)
    pyramid, _, more = pyramid.partition('+')
    if more or pyramid == 'GuidedPyramid':
        pytest.importorskip('mmcv')
    if more:
        options['spatial_prior'] = {'type': 'mmdefusion.SpatialPrior', 'widths': (4, 8, 16, 16)}
    model = MODELS.build(
        {
            'type': 'mmdefusion.DeFusionPP',
            'arch': SMALL,
            'pyramid': {'type': f'mmdefusion.{pyramid}', 'out_channels': 16},
            **options,
        }
    )
    for one in model.pyramid.guide.maps if pyramid == 'GuidedPyramid' else ():
        nn.init.normal_(one.weight, std=0.1)
    return model


def every_parameter_learns(rank: int, port: int, pyramid: str) -> None:
    os.environ |= {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(port)}
    torch.set_num_threads(1)
    dist.init_process_group('gloo', rank=rank, world_size=2)
    # unused parameters would make DDP raise in the second forward pass
    model = nn.parallel.DistributedDataParallel(build(pyramid, encoder={'with_cp': rank == 0}))
    torch.manual_seed(rank)
    for _ in range(2):
        model.zero_grad()
        sum(level.square().mean() for level in model(torch.randn(1, 6, 32, 48))).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    gradient = model.module.encoder.patch_embed.proj.weight.grad.clone()
    other = gradient.clone()
    dist.broadcast(other, src=0)
    assert_close(gradient, other)
    learns_as_one_process(rank, 2, pyramid)
    leave()


def learns_as_one_process(rank: int, count: int, pyramid: str) -> None:
    """Several processes have the losses of one that sees their batches together, over some steps."""
    alone, together = build(pyramid).eval(), nn.parallel.DistributedDataParallel(build(pyramid).eval())
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9) for model in (alone, together)]
    chance, losses = torch.Generator().manual_seed(0), []
    for batch in torch.randn(4, count, 6, 32, 48, generator=chance):
        for model, optimizer, own in ((alone, optimizers[0], batch), (together, optimizers[1], batch[rank, None])):
            optimizer.zero_grad()
            loss = sum((level - 1).square().mean() for level in model(own))
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        dist.all_reduce(losses[-1])
        assert_close(losses[-1] / count, losses[-2], atol=1e-5, rtol=1e-5)
    assert losses[-2] < losses[0]


def four_processes(rank: int, port: int) -> None:
    os.environ |= {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(port)}
    torch.set_num_threads(1)
    dist.init_process_group('gloo', rank=rank, world_size=4)
    learns_as_one_process(rank, 4, 'FusedPyramid')
    leave()


def leave() -> None:
    """Ends this process without taking the process group down.

    In torch 2.13, gloo's thread may wait for the interpreter's lock while the main thread, which has it, waits for that
    thread in the group's destructor: for ever. It was seen once.
    """
    os._exit(0)
