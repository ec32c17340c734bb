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


@pytest.fixture
def ran(monkeypatch):
    """Widths of the results of linear maps that are computed, filled in as they are."""
    found, forward = [], Linear.forward

    def noted(self, x):
        found.append(self.out_features)
        return forward(self, x)

    monkeypatch.setattr(Linear, 'forward', noted)
    return found


@pytest.fixture(params=[transformer, common, unique])
def closed(request):
    x = torch.randn(2, 7, WIDTH)
    block, inputs = request.param(x)
    init_transformer(block.eval())  # biases of 0
    quieten(block, 0.0)
    return block, inputs


def test_gives_what_computing_gives(closed, ran):
    block, inputs = closed
    expected = block(*inputs)  # its weights could still learn
    assert ran
    ran.clear()
    with torch.no_grad():
        torch.testing.assert_close(block(*inputs), expected, atol=0, rtol=0)
    assert not ran


def test_frozen_weights_need_no_more_while_others_learn(closed, ran):
    block, inputs = closed
    inputs = [one.requires_grad_() for one in inputs]
    whole = torch.autograd.grad(block(*inputs).square().sum(), inputs, allow_unused=True)
    block.requires_grad_(False)
    ran.clear()
    partial = torch.autograd.grad(block(*inputs).square().sum(), inputs, allow_unused=True)
    assert not ran
    for one, other in zip(partial, whole, strict=True):
        torch.testing.assert_close(torch.zeros_like(other) if one is None else one, other)


def test_half_closed_computes_the_other_half(closed, ran):
    block, inputs = closed
    with torch.no_grad():
        nothing = block(*inputs)
        for last in last_maps(block):
            last.weight[-1, -1] = 1.0
            ran.clear()
            assert not torch.equal(block(*inputs), nothing)
            assert ran
            last.weight.zero_()


def test_a_bias_alone_is_not_silent():
    last = Linear(4, 4).requires_grad_(False)
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.ones_(last.bias)
    assert not is_silent(last, last)
    assert is_silent(last.apply(lambda part: torch.nn.init.zeros_(part.bias)), last)


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
    assert not is_silent(last, last)


def test_who_listens_to_a_part_hears_it(closed):
    block, inputs = closed
    heard = []
    with torch.no_grad():
        nothing = block(*inputs)
        with block.attn.register_forward_hook(lambda *_: heard.append('attn')):
            torch.testing.assert_close(block(*inputs), nothing)
        with last_maps(block)[1].register_forward_hook(lambda part, inputs, output: output + 1 + inputs[0].mean()):
            assert not torch.allclose(block(*inputs), nothing)
    assert heard == ['attn']


def test_what_could_learn_before_a_closed_map_has_a_gradient(closed):
    """DistributedDataParallel waits for one."""
    block, inputs = closed
    block.requires_grad_(False)
    first = block.attn.qkv if isinstance(block, TransformerBlock) else block.query
    first.requires_grad_(True)
    block(*inputs).square().sum().backward()
    assert torch.equal(first.weight.grad, torch.zeros_like(first.weight))


def test_goes_through_vmap_and_symbolic_traces(closed):
    block, inputs = closed
    expected = block(*inputs).detach()
    block.requires_grad_(False)
    weights, buffers = torch.func.stack_module_state([block, block])
    run = torch.func.vmap(lambda state: torch.func.functional_call(block, state, inputs), randomness='same')
    for one in run({**weights, **buffers}):
        torch.testing.assert_close(one, expected)
    with torch.no_grad():
        traced = torch.fx.experimental.proxy_tensor.make_fx(block)(*inputs)
        torch.testing.assert_close(traced(*inputs), expected)
