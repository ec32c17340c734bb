import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmdefusion.models.layers import CrossAttention, SelfAttention, Windows
from mmdefusion.models.layers.windows import bands

LEADING = 2


def window_of(index: int, length: int, side: int) -> int:
    """The number of the window that a row or column is in."""
    return [number for number, part in enumerate(parts(length, side)) for _ in range(part)][index]


def parts(length: int, side: int) -> list[int]:
    return [part for total, part in bands(length, side) for _ in range(total // part)]


def same_window(grid: tuple[int, int], side: int) -> Tensor:
    """Which of the leading tokens and patches attend to which, N×N, written down patch by patch."""
    places = [
        (window_of(y, grid[0], side), window_of(x, grid[1], side)) for y in range(grid[0]) for x in range(grid[1])
    ]
    every = [None] * LEADING + places
    return torch.tensor([[None in (one, other) or one == other for other in every] for one in every])


def by_hand(attention: SelfAttention, x: Tensor, allowed: Tensor) -> Tensor:
    """The textbook formula, with a large negative number at what is not attended to."""
    q, k, v = (
        part.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2) for part in attention.qkv(x).chunk(3, dim=-1)
    )
    scores = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).masked_fill(~allowed, -torch.inf)
    return attention.proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


def test_parts_are_even_and_few():
    assert parts(64, 14) == [13, 13, 13, 13, 12] and parts(28, 14) == [14, 14] and parts(3, 14) == [3]
    for length in range(1, 60):
        assert sum(parts(length, 7)) == length and len(parts(length, 7)) == -(-length // 7)


@pytest.mark.parametrize('grid', [(8, 8), (7, 10), (9, 2), (1, 11), (13, 3)])
def test_patches_attend_within_their_window(grid):
    attention = SelfAttention(24, 3).double()
    x = torch.randn(3, LEADING + grid[0] * grid[1], 24, dtype=torch.double)
    windows = Windows(4, grid, None, LEADING)
    assert_close(attention(x, windows), by_hand(attention, x, same_window(grid, 4)))


def test_one_window_over_everything_is_full_attention():
    attention = CrossAttention(24, 3)
    query, key, value = torch.randn(3, 2, LEADING + 12, 24)
    assert torch.equal(attention(query, key, value, Windows(4, (3, 4), None, LEADING)), attention(query, key, value))


def test_each_image_is_cut_by_its_own_grid():
    attention, grid, own = SelfAttention(24, 3).double(), (9, 10), [(9, 4), (5, 10), (9, 4)]
    x = torch.randn(6, LEADING + 90, 24, dtype=torch.double)  # three pairs, one image after the other
    together = attention(x, Windows(4, grid, own, LEADING))
    for index, (rows, columns) in enumerate(own * 2):
        here = torch.zeros(grid, dtype=torch.bool)
        here[:rows, :columns] = True
        kept = torch.cat([torch.ones(LEADING, dtype=torch.bool), here.flatten()])
        alone = attention(x[index : index + 1, kept], Windows(4, (rows, columns), None, LEADING))
        assert_close(together[index : index + 1, kept], alone)


def test_gradients_reach_everything():
    attention, x = SelfAttention(24, 3), torch.randn(1, LEADING + 90, 24, requires_grad=True)
    attention(x, Windows(4, (9, 10), None, LEADING)).square().sum().backward()
    assert x.grad.abs().sum(-1).min() > 0 and attention.qkv.weight.grad.abs().sum(1).min() > 0


@pytest.mark.parametrize('grid', [(9, 10), (4, 10), (9, 3)])
def test_gradients_are_those_of_the_formula(grid):
    attention = SelfAttention(24, 3).double()
    x = torch.randn(2, LEADING + grid[0] * grid[1], 24, dtype=torch.double, requires_grad=True)
    found, expected = attention(x, Windows(4, grid, None, LEADING)), by_hand(attention, x, same_window(grid, 4))
    inputs, weights = [x, *attention.parameters()], torch.randn_like(found)
    ours, theirs = (torch.autograd.grad((y * weights).sum(), inputs) for y in (found, expected))
    assert_close(ours, theirs)
