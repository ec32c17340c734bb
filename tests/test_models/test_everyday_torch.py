"""The downstream path under autocast, torch.compile and DistributedDataParallel."""

import socket

import pytest
import torch
import torch.multiprocessing as mp
from helpers.everyday_model import build, every_parameter_learns, four_processes
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.testing import assert_close

PYRAMIDS = ['SimpleFeaturePyramid', 'FusedPyramid', 'SimpleFeaturePyramid+prior', 'GuidedPyramid']


@pytest.mark.parametrize('pyramid', PYRAMIDS)
def test_autocast(pyramid):
    model, pair = build(pyramid).eval(), torch.randn(1, 6, 48, 80)
    expected = model(pair)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        halved = model(pair)
    for full, low in zip(expected, halved, strict=True):
        assert (full - low.float()).abs().mean() < 0.1 * full.abs().mean()
    halved[0].float().sum().backward()


@pytest.mark.parametrize('pyramid', PYRAMIDS[1:])  # the first is in that with a prior
def test_compiles_with_one_graph_break(pyramid):
    """Where padding is looked for: on that the positions depend."""
    model, pair = build(pyramid).eval(), torch.randn(1, 6, 48, 80)
    compiled = torch.compile(model, backend='aot_eager')
    reasons = torch._dynamo.explain(model)(pair).break_reasons
    assert [reason.user_stack[-1].name for reason in reasons] == ['of'], reasons  # Content.of
    with torch.no_grad():
        for ours, theirs in zip(compiled(pair), model(pair), strict=True):
            assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.slow
def test_inductor():
    model, pair = build('SimpleFeaturePyramid').eval(), torch.randn(1, 6, 48, 80)
    with torch.no_grad():
        for ours, theirs in zip(torch.compile(model)(pair), model(pair), strict=True):
            assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_no_attention_matrix_stands_in_memory():
    """The kernels that make no N×N matrix accept every attention of the model."""
    model, pair = build('FusedPyramid').train(), torch.randn(1, 6, 48, 80)
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]):
        sum(level.sum() for level in model(pair)).backward()


@pytest.mark.slow
@pytest.mark.parametrize('pyramid', PYRAMIDS)
def test_ddp_has_no_unused_parameters_and_learns_as_one_process(pyramid):
    mp.spawn(every_parameter_learns, args=(free_port(), pyramid), nprocs=2)


@pytest.mark.soak
def test_four_processes_learn_as_one():
    mp.spawn(four_processes, args=(free_port(),), nprocs=4)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]
