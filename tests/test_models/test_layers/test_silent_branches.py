"""Branches whose last linear map gives 0 are not computed where nothing can change that."""

import pytest
import torch

from mmdefusion.models.layers import DecompositionBlock, Linear, TransformerBlock, init_transformer, quieten
from mmdefusion.models.layers.linear import is_silent

WIDTH = 32


def transformer(x):
    return TransformerBlock(WIDTH, 2), (x,)


def common(x):
    return DecompositionBlock(WIDTH, 'common'), (x.flip(0), x)


def unique(x):
    return DecompositionBlock(WIDTH, 'unique'), (x.flip(0), x)


def last_maps(block):
    if isinstance(block, TransformerBlock):
        return block.attn.proj, block.mlp.fc2
    return block.attn.out_proj, block.linear2


def computed_parts(block):
    """Names of the parts that run, filled in as they do."""
    names = set()
    for name, part in block.named_modules():
        if isinstance(part, Linear) or name == 'attn':
            part.register_forward_hook(lambda *_, name=name: names.add(name))
    return names


@pytest.fixture(params=[transformer, common, unique])
def closed(request):
    x = torch.randn(2, 7, WIDTH)
    block, inputs = request.param(x)
    init_transformer(block.eval())  # biases of 0
    quieten(block, 0.0)
    return block, inputs


def test_gives_what_computing_gives(closed):
    block, inputs = closed
    ran = computed_parts(block)
    expected = block(*inputs)  # its weights could still learn
    assert 'attn' in ran
    ran.clear()
    with torch.no_grad():
        torch.testing.assert_close(block(*inputs), expected, atol=0, rtol=0)
    assert not ran


def test_frozen_weights_need_no_more_while_others_learn(closed):
    block, inputs = closed
    inputs = [one.requires_grad_() for one in inputs]
    whole = torch.autograd.grad(block(*inputs).square().sum(), inputs, allow_unused=True)
    block.requires_grad_(False)
    ran = computed_parts(block)
    partial = torch.autograd.grad(block(*inputs).square().sum(), inputs, allow_unused=True)
    assert not ran
    for one, other in zip(partial, whole, strict=True):
        torch.testing.assert_close(torch.zeros_like(other) if one is None else one, other)


def test_half_closed_computes_the_other_half(closed):
    block, inputs = closed
    with torch.no_grad():
        nothing = block(*inputs)
        for last in last_maps(block):
            last.weight[-1, -1] = 1.0
            ran = computed_parts(block)
            assert not torch.equal(block(*inputs), nothing)
            assert ran
            last.weight.zero_()


def test_a_bias_alone_is_not_silent():
    last = Linear(4, 4).requires_grad_(False)
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.ones_(last.bias)
    assert not is_silent(last)
    assert is_silent(last.apply(lambda part: torch.nn.init.zeros_(part.bias)))


def test_a_traced_block_holds_its_weights(closed):
    block, inputs = closed
    with torch.no_grad():
        traced = torch.jit.trace(block, inputs)
        opened = {name: torch.rand_like(value) for name, value in block.state_dict().items()}
        for one in (block, traced):
            one.load_state_dict(opened)
        torch.testing.assert_close(traced(*inputs), block(*inputs))


def test_a_map_of_another_kind_is_always_computed():
    class Raised(Linear):
        def forward(self, x):
            return super().forward(x) + 1

    last = Raised(4, 4).requires_grad_(False)
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    assert not is_silent(last)
