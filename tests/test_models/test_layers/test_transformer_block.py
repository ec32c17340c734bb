import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmdefusion.models.layers import DropPath, TransformerBlock, Windows


def test_epsilon_reaches_both_norms():
    block = TransformerBlock(32, 4, eps=1e-6)
    assert block.norm1.eps == block.norm2.eps == 1e-6


def test_drop_path_drops_whole_samples_and_keeps_the_mean():
    drop = DropPath(0.25)
    dropped = drop(torch.ones(4000, 3, 2))
    per_sample = dropped.flatten(1)
    assert set(per_sample.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert torch.equal(per_sample.amin(1), per_sample.amax(1))
    assert abs(dropped.mean().item() - 1) < 0.05
    assert torch.equal(drop.eval()(torch.ones(3)), torch.ones(3))


NONE_KEPT = 55  # seed with which the first branch of all four samples is dropped


def whole(block: TransformerBlock, x: Tensor, mask, seed: int) -> Tensor:
    """The block with both branches of all samples computed, and multiplied by what it samples."""
    torch.manual_seed(seed)
    x = x + block.drop_path(block.attn(block.norm1(x), mask))
    return x + block.drop_path(block.mlp(block.norm2(x)))


@pytest.mark.parametrize('seed', [0, 1, 2, 3, NONE_KEPT])
@pytest.mark.parametrize('kind', ['full', 'mask', 'windows', 'own windows'])
def test_only_what_is_kept_is_computed_and_all_is_the_same(kind, seed, monkeypatch):
    """With a mask for half the batch, as for pairs; with any number of samples kept, none and all among them."""
    block = TransformerBlock(8, 2, drop_path=0.5).double().train()
    x, grid = torch.randn(4, 1 + 15, 8, dtype=torch.double, requires_grad=True), (3, 5)
    mask = {
        'full': None,
        'mask': torch.arange(16) < torch.tensor([[16], [11]]),
        'windows': Windows(2, grid),
        'own windows': Windows(2, grid, [(3, 5), (2, 4)]),
    }[kind]
    expected = whole(block, x, mask, seed)
    computed, inner = [], block.attn.forward
    monkeypatch.setattr(block.attn, 'forward', lambda x, mask: computed.append(len(x)) or inner(x, mask))
    torch.manual_seed(seed)
    kept = int(torch.empty(4).bernoulli_(0.5).sum())
    torch.manual_seed(seed)
    found = block(x, mask)
    assert computed == [kept or 4] and (kept == 0) == (seed == NONE_KEPT)
    assert_close(found, expected)
    inputs, weights = [x, *block.parameters()], torch.randn_like(found)
    ours, theirs = (torch.autograd.grad((y * weights).sum(), inputs) for y in (found, expected))
    assert_close(ours, theirs)


def test_a_branch_that_all_samples_drop_has_gradients():
    """Or DistributedDataParallel would wait for them."""
    block = TransformerBlock(8, 2, drop_path=1 - 1e-6).train()
    block(torch.randn(2, 4, 8)).sum().backward()
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in block.parameters())


@pytest.mark.parametrize('rate', [1.0, -0.1, float('nan')])
def test_a_rate_at_which_nothing_is_left_is_refused(rate):
    with pytest.raises(ValueError, match='must be a probability from 0 to below 1'):
        DropPath(rate)
