import pytest
import torch
from torch import nn
from torch.nn.functional import conv_transpose2d
from torch.testing import assert_close

from mmdefusion.models.necks.rescale import Doubling, rescale, rescale_and_project


def by_torch(x: torch.Tensor, doubling: Doubling, after: nn.Conv2d) -> torch.Tensor:
    return after(conv_transpose2d(x, doubling.weight, doubling.bias, 2))


@pytest.mark.parametrize('grad', [False, True])
@pytest.mark.parametrize('last, folds', [(4, True), (64, False)])
@pytest.mark.parametrize('bias', [False, True])
def test_a_doubling_is_the_transposed_convolution(grad, last, folds, bias):
    """Alone and with a 1×1 convolution behind it, the result and all gradients."""
    doubling, after = Doubling(24, 12).double(), nn.Conv2d(12, last, 1, bias=bias).double()
    x = torch.randn(2, 24, 5, 7, dtype=torch.double, requires_grad=grad)
    assert doubling._worth_folding(x.shape, last) == folds
    with torch.set_grad_enabled(grad):
        ours, theirs = doubling(x, after), by_torch(x, doubling, after)
        assert_close(doubling(x), conv_transpose2d(x, doubling.weight, doubling.bias, 2))
    assert_close(ours, theirs)
    if grad:
        inputs, weights = [x, *doubling.parameters(), *after.parameters()], torch.randn_like(ours)
        assert_close(
            torch.autograd.grad((ours * weights).sum(), inputs), torch.autograd.grad((theirs * weights).sum(), inputs)
        )


def test_folding_has_to_pay():
    """A few pixels are fewer products than the weights, and a wide convolution behind undoes the gain."""
    doubling = Doubling(768, 384)
    assert doubling._worth_folding(torch.Size([1, 768, 32, 40]), 256)
    assert not doubling._worth_folding(torch.Size([1, 768, 14, 14]), 256)
    assert not doubling._worth_folding(torch.Size([1, 768, 32, 40]), 2048)


@pytest.mark.parametrize('stride', [4, 8, 16, 32])
def test_every_stride_is_projected(stride):
    rescaled, channels = rescale(stride, 32)
    projection, x = nn.Conv2d(channels, 3, 1), torch.randn(1, 32, 6, 6)
    found = rescale_and_project(x, rescaled, projection)
    assert found.shape == (1, 3, *(2 * [6 * 16 // stride]))
    with torch.no_grad():
        assert_close(found, projection(rescaled(x)), atol=1e-5, rtol=1e-5)


def test_what_wraps_a_doubling_is_called_by_itself():
    """As FSDP wraps it, which gathers weights when the wrapped module is called."""

    class Wrapped(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x)

    rescaled, channels = rescale(8, 32)
    projection, x = nn.Conv2d(channels, 3, 1), torch.randn(1, 32, 6, 6)
    assert_close(
        rescale_and_project(x, Wrapped(rescaled), projection), by_torch(x, rescaled, projection), atol=1e-5, rtol=1e-5
    )
