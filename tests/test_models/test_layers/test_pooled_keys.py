import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.layers import DropPath, PooledKeys, SelfAttention

LEADING = 2


def means(tokens: torch.Tensor, grid: tuple[int, int], pool: int) -> torch.Tensor:
    """Leading tokens and means of patches, written down cell by cell."""
    maps = tokens[:, LEADING:].unflatten(1, grid)
    cells = [
        maps[:, y : y + pool, x : x + pool].mean((1, 2))
        for y in range(0, grid[0], pool)
        for x in range(0, grid[1], pool)
    ]
    return torch.cat([tokens[:, :LEADING], torch.stack(cells, dim=1)], dim=1)


@pytest.mark.parametrize('grid, pool', [((6, 8), 2), ((5, 7), 2), ((7, 10), 3), ((1, 11), 4)])
def test_tokens_attend_to_means_of_patches(grid, pool):
    attention = SelfAttention(24, 3).double()
    x = torch.randn(3, LEADING + grid[0] * grid[1], 24, dtype=torch.double)
    q, k, v = attention.qkv(x).chunk(3, dim=-1)
    q, k, v = (y.unflatten(-1, (3, 8)).transpose(1, 2) for y in (q, means(k, grid, pool), means(v, grid, pool)))
    by_hand = ((q @ k.transpose(-2, -1) / 8**0.5).softmax(-1) @ v).transpose(1, 2).flatten(2)
    assert_close(attention(x, PooledKeys(pool, 4, grid, None, LEADING)), attention.proj(by_hand))


def test_small_images_are_not_pooled():
    attention, x = SelfAttention(24, 3), torch.randn(2, LEADING + 12, 24)
    assert torch.equal(attention(x, PooledKeys(2, 4, (3, 4), None, LEADING)), attention(x))


def test_each_image_is_pooled_by_its_own_grid():
    attention, grid, own = SelfAttention(24, 3).double(), (9, 10), [(9, 4), (5, 10), (3, 4)]
    x = torch.randn(6, LEADING + 90, 24, dtype=torch.double)  # three pairs, one image after the other
    together = attention(x, PooledKeys(2, 4, grid, own, LEADING))
    for index, (rows, columns) in enumerate(own * 2):
        here = torch.zeros(grid, dtype=torch.bool)
        here[:rows, :columns] = True
        kept = torch.cat([torch.ones(LEADING, dtype=torch.bool), here.flatten()])
        alone = attention(x[index : index + 1, kept], PooledKeys(2, 4, (rows, columns), None, LEADING))
        assert_close(together[index : index + 1, kept], alone)


def test_stochastic_depth_keeps_the_grids_of_those_that_attend():
    attention, own = SelfAttention(24, 3).double(), [(9, 4), (5, 10)]
    x, drop = torch.randn(4, LEADING + 90, 24, dtype=torch.double), DropPath(0.5).train()
    reach = PooledKeys(2, 4, (9, 10), own, LEADING)
    branch = attention(x, reach)
    torch.manual_seed(3)
    found = (drop.add(x, attention, reach) - x) / 2
    kept = found.abs().sum((1, 2)) > 0
    assert 0 < kept.sum() < 4
    assert_close(found[kept], branch[kept])


def test_gradients_reach_everything():
    attention, x = SelfAttention(24, 3), torch.randn(1, LEADING + 90, 24, requires_grad=True)
    attention(x, PooledKeys(2, 4, (9, 10), None, LEADING)).square().sum().backward()
    assert x.grad.abs().sum(-1).min() > 0 and attention.qkv.weight.grad.abs().sum(1).min() > 0
