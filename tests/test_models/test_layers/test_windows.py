import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.testing import assert_close

from mmdefusion.models.layers import CrossAttention, DropPath, SelfAttention, Windows
from mmdefusion.models.layers.cells import CellGrid, Cells, counts_of, even_parts, sums_of
from mmdefusion.models.layers.windows import small_mask

LEADING = 2


def window_of(index: int, length: int, side: int) -> int:
    """The number of the window that a row or column is in."""
    return [number for number, part in enumerate(even_parts(length, side)) for _ in range(part)][index]


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
    assert even_parts(64, 14) == [13, 13, 13, 13, 12] and even_parts(28, 14) == [14, 14] and even_parts(3, 14) == [3]
    for length in range(1, 60):
        parts = even_parts(length, 7)
        assert sum(parts) == length and len(parts) == -(-length // 7) and parts[0] - parts[-1] in (0, 1)


@pytest.mark.parametrize('grid', [(8, 8), (7, 10), (9, 2), (1, 11), (13, 3)])
def test_patches_attend_within_their_window(grid):
    attention = SelfAttention(24, 3).double()
    x = torch.randn(3, LEADING + grid[0] * grid[1], 24, dtype=torch.double)
    windows = Windows(4, grid, None, LEADING)
    assert_close(attention(x, windows), by_hand(attention, x, same_window(grid, 4)))


def seen_coarsely(attention: SelfAttention, x: Tensor, grid: tuple[int, int], side: int, pooling: int) -> Tensor:
    """Attention to the window and to means over cells of the others, written down patch by patch."""
    q, k, v = (part.unflatten(-1, (attention.num_heads, -1)) for part in attention.qkv(x).chunk(3, dim=-1))
    found = torch.empty_like(q)
    for index in range(x.shape[1]):
        keys, values, counts = list(k[:, :LEADING].unbind(1)), list(v[:, :LEADING].unbind(1)), [1] * LEADING
        for window in windows_of(grid, side):
            own = index < LEADING or index - LEADING in window.flatten().tolist()
            for cell in cells_of(window, 1 if own else pooling):
                patches = LEADING + cell.flatten()
                keys.append(k[:, patches].mean(1))
                values.append(v[:, patches].mean(1))
                counts.append(len(patches))
        scores = torch.stack([(q[:, index] * key).sum(-1) for key in keys]) / q.shape[-1] ** 0.5  # keys B heads
        shares = (scores.exp() * torch.tensor(counts)[:, None, None]).unsqueeze(-1)
        found[:, index] = (shares / shares.sum(0) * torch.stack(values)).sum(0)
    return attention.proj(found.flatten(2))


def windows_of(grid: tuple[int, int], side: int) -> list[Tensor]:
    """The numbers of the patches of each window."""
    return cells_of(torch.arange(grid[0] * grid[1]).view(grid), side)


def cells_of(numbers: Tensor, side: int) -> list[Tensor]:
    rows = numbers.split(even_parts(len(numbers), side))
    return [cell for row in rows for cell in row.split(even_parts(row.shape[1], side), dim=1)]


@pytest.mark.parametrize('grid, pooling', [((8, 8), 2), ((7, 10), 3), ((9, 2), 2), ((1, 11), 1), ((13, 3), 4)])
def test_patches_see_other_windows_coarsely(grid, pooling):
    attention = SelfAttention(24, 3).double()
    x = torch.randn(2, LEADING + grid[0] * grid[1], 24, dtype=torch.double)
    windows = Windows(4, grid, None, LEADING, pooling)
    assert_close(attention(x, windows), seen_coarsely(attention, x, grid, 4, pooling))


def test_other_windows_seen_patch_by_patch_are_full_attention():
    attention, x = CrossAttention(24, 3).double(), torch.randn(3, 2, LEADING + 70, 24, dtype=torch.double)
    assert_close(attention(*x, Windows(4, (7, 10), None, LEADING, 1)), attention(*x))


def test_what_is_the_same_everywhere_counts_as_often_as_in_full_attention():
    """Means lose nothing where the patches of a cell are equal: the class token's share is the same."""
    attention, x = SelfAttention(24, 3).double(), torch.randn(1, LEADING + 1, 24, dtype=torch.double)
    x = torch.cat([x[:, :LEADING], x[:, LEADING:].expand(-1, 8 * 12, -1)], dim=1)
    assert_close(attention(x, Windows(4, (8, 12), None, LEADING, 3)), attention(x))
    assert not torch.allclose(attention(x, Windows(4, (8, 12), None, LEADING)), attention(x))


@pytest.mark.parametrize('pooling', [None, 2])
def test_one_window_over_everything_is_full_attention(pooling):
    attention = CrossAttention(24, 3)
    query, key, value = torch.randn(3, 2, LEADING + 12, 24)
    windows = Windows(4, (3, 4), None, LEADING, pooling)
    assert torch.equal(attention(query, key, value, windows), attention(query, key, value))


@pytest.mark.parametrize('pooling', [None, 2])
def test_each_image_is_cut_by_its_own_grid(pooling):
    attention, grid, own = SelfAttention(24, 3).double(), (9, 10), [(9, 4), (5, 10), (9, 4)]
    x = torch.randn(6, LEADING + 90, 24, dtype=torch.double)  # three pairs, one image after the other
    together = attention(x, Windows(4, grid, own, LEADING, pooling))
    for index, (rows, columns) in enumerate(own * 2):
        here = torch.zeros(grid, dtype=torch.bool)
        here[:rows, :columns] = True
        kept = torch.cat([torch.ones(LEADING, dtype=torch.bool), here.flatten()])
        alone = attention(x[index : index + 1, kept], Windows(4, (rows, columns), None, LEADING, pooling))
        assert_close(together[index : index + 1, kept], alone)


def test_stochastic_depth_keeps_the_grids_of_those_that_attend():
    attention, own = SelfAttention(24, 3).double(), [(9, 4), (5, 10)]
    x, drop = torch.randn(4, LEADING + 90, 24, dtype=torch.double), DropPath(0.5).train()
    windows = Windows(4, (9, 10), own, LEADING, 2)
    branch = attention(x, windows)
    torch.manual_seed(3)
    found = (drop.add(x, attention, windows) - x) / 2
    kept = found.abs().sum((1, 2)) > 0
    assert 0 < kept.sum() < 4
    assert_close(found[kept], branch[kept])


@pytest.mark.parametrize('pooling', [None, 2])
def test_gradients_reach_everything(pooling):
    attention, x = SelfAttention(24, 3), torch.randn(1, LEADING + 90, 24, requires_grad=True)
    attention(x, Windows(4, (9, 10), None, LEADING, pooling)).square().sum().backward()
    assert x.grad.abs().sum(-1).min() > 0 and attention.qkv.weight.grad.abs().sum(1).min() > 0


@pytest.mark.parametrize('grid', [(9, 10), (4, 10), (9, 3)])
def test_gradients_are_those_of_the_formula(grid):
    attention = SelfAttention(24, 3).double()
    x = torch.randn(2, LEADING + grid[0] * grid[1], 24, dtype=torch.double, requires_grad=True)
    found, expected = attention(x, Windows(4, grid, None, LEADING)), by_hand(attention, x, same_window(grid, 4))
    inputs, weights = [x, *attention.parameters()], torch.randn_like(found)
    ours, theirs = (torch.autograd.grad((y * weights).sum(), inputs) for y in (found, expected))
    assert_close(ours, theirs)


def test_gradients_of_coarse_keys_are_those_of_the_formula():
    attention, grid = SelfAttention(24, 3).double(), (7, 10)
    x = torch.randn(2, LEADING + 70, 24, dtype=torch.double, requires_grad=True)
    found, expected = attention(x, Windows(4, grid, None, LEADING, 3)), seen_coarsely(attention, x, grid, 4, 3)
    inputs, weights = [x, *attention.parameters()], torch.randn_like(found)
    ours, theirs = (torch.autograd.grad((y * weights).sum(), inputs) for y in (found, expected))
    assert_close(ours, theirs)


def test_bfloat16_adds_to_scores_too():
    """By torch's kernel, and in blocks where the processor multiplies bfloat16."""
    for patches, heads in ((8, 3), (40, 4)):
        attention, x = SelfAttention(8 * heads, heads), torch.randn(2, LEADING + patches**2, 8 * heads)
        windows = Windows(4 if patches < 20 else 14, (patches, patches), None, LEADING, 2)
        with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
            rounded = attention(x, windows)
        assert rounded.dtype == torch.bfloat16
        assert_close(rounded.float(), attention(x, windows), atol=0.02, rtol=0.02)


def test_means_are_not_biased_in_bfloat16():
    """1/3 is not, if it is rounded."""
    ones = torch.full((1, 9, 15, 4), 3.0, dtype=torch.bfloat16)
    cells = CellGrid(Cells.of([9], 3), Cells.of([15], 5))
    assert torch.equal(cells.means(ones)[0], torch.full((1, 9, 4), 3.0, dtype=torch.bfloat16))


@pytest.mark.parametrize('pooling', [None, 2])
def test_recorded_networks_take_other_batches(pooling):
    attention, x = SelfAttention(24, 3).requires_grad_(False), torch.randn(4, LEADING + 90, 24)
    windows = Windows(4, (9, 10), None, LEADING, pooling)
    recorded = torch.jit.trace(lambda tokens: attention(tokens, windows), x[:2], check_trace=False)
    assert_close(recorded(x), attention(x, windows))


def test_the_next_attention_copies_nothing_to_a_gpu():
    """Each copy from the host waits for all work before it."""
    copied = []

    class Watch(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            found = function(*args, **(kwargs or {}))
            if getattr(found, 'is_meta', False) and function in (torch.tensor, torch.Tensor.to):
                source = args[0]
                if not isinstance(source, Tensor) or source.device.type == 'cpu':
                    copied.append(function.__name__)
            return found

    attention, x = SelfAttention(24, 3).to('meta'), torch.empty(2, LEADING + 70, 24, device='meta')
    counts = []
    for _ in range(2):
        with Watch():
            attention(x, Windows(4, (7, 10), None, LEADING, 3))
        counts.append(len(copied))
    assert counts[0] == counts[1] <= 3 + 4  # sums and counts of cells, and masks of four sizes of windows


def test_what_is_made_in_inference_serves_training():
    for make in (sums_of, counts_of, small_mask):
        make.cache_clear()
    attention, x = SelfAttention(24, 3), torch.randn(2, LEADING + 70, 24)
    windows = Windows(4, (7, 10), None, LEADING, 3)
    with torch.inference_mode():
        expected = attention(x, windows)
    found = attention(x, windows)
    found.sum().backward()
    assert torch.equal(found.detach(), expected) and attention.qkv.weight.grad.any()


def test_large_masks_are_not_kept(monkeypatch):
    attention, x = SelfAttention(24, 3), torch.randn(1, LEADING + 70, 24)
    windows = Windows(4, (7, 10), None, LEADING, 3)
    small_mask.cache_clear()
    expected = attention(x, windows)
    many = small_mask.cache_info().currsize
    small_mask.cache_clear()
    monkeypatch.setattr('mmdefusion.models.layers.windows.SMALL', 0)
    assert torch.equal(attention(x, windows), expected)
    assert many > small_mask.cache_info().currsize == 0


def test_tensors_without_numbers_are_not_kept():
    """Under FakeTensorMode, by which memory is estimated, tensors fit no others."""
    lengths = (3, 4)
    sums_of.cache_clear()
    with FakeTensorMode():
        assert type(sums_of(lengths, torch.float32, torch.device('cpu'))) is not torch.Tensor
    assert type(sums_of(lengths, torch.float32, torch.device('cpu'))) is torch.Tensor
    with FakeTensorMode():
        assert type(sums_of(lengths, torch.float32, torch.device('cpu'))) is not torch.Tensor
