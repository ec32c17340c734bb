from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from mmdefusion.experiments.complexity import count_operations
from mmdefusion.models.layers import Linear, TransformerBlock
from mmdefusion.models.layers import linear as module
from mmdefusion.models.layers.linear import ACTIVATIONS, FEWEST, FUSED, find_fused, linear

needs_onednn = pytest.mark.skipif(FUSED is None, reason='no x86, or a build of torch without oneDNN')


class Called(TorchDispatchMode):
    """Notes the names of the operators that are called."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


def called(run):
    with Called() as noted:
        run()
    return noted.names


@pytest.fixture
def layer():
    return Linear(24, 40, activation='gelu')


@pytest.mark.parametrize('activation', ACTIVATIONS)
@pytest.mark.parametrize('shape', [(24,), (5, 24), (FEWEST, 24), (2, 300, 24), (2, 3, 50, 24), (0, 24)])
def test_is_the_plain_map_with_its_activation(activation, shape):
    x, (weight, bias) = torch.randn(shape), (torch.randn(40, 24), torch.randn(40))
    expected = ACTIVATIONS[activation](functional.linear(x.double(), weight.double(), bias.double()))
    torch.testing.assert_close(linear(x, weight, bias, activation), expected.float(), atol=2e-5, rtol=1e-5)


def test_reads_parts_of_larger_tensors():
    packed, bias, x = torch.randn(120, 24), torch.randn(120), torch.randn(6, 90, 72)
    for weight, shift in zip(packed.chunk(3), bias.chunk(3), strict=True):
        for part in x.chunk(3, dim=-1):
            torch.testing.assert_close(linear(part, weight, shift), functional.linear(part, weight, shift))
    across = torch.randn(24, 40).T
    steps = x[..., ::3]
    torch.testing.assert_close(linear(steps, across, bias[:40]), functional.linear(steps, across, bias[:40]))


@needs_onednn
def test_one_operator_where_no_gradient_is_needed(layer):
    x = torch.randn(FEWEST, 24)
    with torch.no_grad():
        assert called(lambda: layer(x)) == {'_linear_pointwise'}
        assert '_linear_pointwise' not in called(lambda: layer(x[1:]))  # for fewer rows it is slower
    with torch.inference_mode():
        assert called(lambda: layer(x)) == {'_linear_pointwise'}
    assert '_linear_pointwise' in called(lambda: layer.requires_grad_(False)(x))  # as in a frozen backbone


@pytest.mark.parametrize('trained', [('weight', 'bias'), ('weight',), ('bias',), ('x',), ('x', 'weight', 'bias')])
def test_gradients_are_those_of_the_plain_map(layer, trained):
    plain = nn.Linear(24, 40)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(FEWEST, 24)
    found = []
    for one, activation in ((layer, lambda y: y), (plain, functional.gelu)):
        inputs = dict(one.named_parameters(), x=x.clone())
        for name, value in inputs.items():
            value.requires_grad_(name in trained)
        result = activation(one(inputs['x']))
        found.append((result, *torch.autograd.grad(result.sum(), [inputs[name] for name in trained])))
    torch.testing.assert_close(*found)


def test_forward_derivatives(layer):
    x, direction = torch.randn(FEWEST, 24), torch.randn(FEWEST, 24)
    weight, bias = (value.detach() for value in layer.parameters())
    _, ours = torch.func.jvp(lambda y: linear(y, weight, bias), (x,), (direction,))
    torch.testing.assert_close(ours, direction @ weight.T)


def test_what_does_not_fit_is_said_by_torch(layer):
    with torch.no_grad():
        with pytest.raises(RuntimeError, match='cannot be multiplied'):
            layer(torch.randn(FEWEST, 23))
        with pytest.raises(RuntimeError, match='meta'):
            layer.to('meta')(torch.randn(FEWEST, 24))


@needs_onednn
@pytest.mark.parametrize('other', [lambda x, weight, bias: x, lambda x, *rest: x], ids=['arguments', 'result'])
def test_another_operator_is_not_taken(monkeypatch, other):
    assert find_fused() is not None
    monkeypatch.setattr(torch.ops.mkldnn, '_linear_pointwise', other)
    assert find_fused() is None


@needs_onednn
def test_operations_are_counted_as_before(monkeypatch):
    block, x = TransformerBlock(48, 3).eval(), torch.randn(1, FEWEST, 48)
    model = SimpleNamespace(test_step=lambda batch: block(batch['x']))
    counted = count_operations(model, dict(x=x))
    monkeypatch.setattr(module, 'FUSED', None)
    assert count_operations(model, dict(x=x)) == counted > 12 * 48 * 48 * FEWEST


@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16, torch.float16])
def test_other_precisions_stay_what_they_are(layer, dtype):
    with torch.no_grad():
        assert layer.to(dtype)(torch.randn(FEWEST, 24, dtype=dtype)).dtype == dtype


def test_autocast_decides_about_precision(layer):
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        assert layer(torch.randn(FEWEST, 24)).dtype == torch.bfloat16


def test_without_onednn_the_plain_map_is_taken(layer):
    x = torch.randn(FEWEST, 24)
    with torch.no_grad():
        with torch.backends.mkldnn.flags(enabled=False):
            assert '_linear_pointwise' not in called(lambda: layer(x))
        layer.to('meta')(x.to('meta'))


def test_recorded_networks_have_standard_operators(layer):
    x = torch.randn(FEWEST, 24)
    with torch.no_grad():
        exported = torch.export.export(layer, (x,))
        traced = torch.jit.trace(layer, (x,))
    assert 'linear_pointwise' not in str(exported.graph) + str(traced.inlined_graph)


def test_loads_what_a_plain_map_saved(layer):
    layer.load_state_dict(nn.Linear(24, 40).state_dict())
    assert 'gelu' in repr(layer)
