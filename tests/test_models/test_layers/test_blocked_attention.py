import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from mmdefusion.models.layers import attention, blocked_attention
from mmdefusion.models.layers.attention import attend
from mmdefusion.models.layers.blocked_attention import attend_in_blocks

needs_bfloat16 = pytest.mark.skipif(not blocked_attention.NATIVE, reason='this CPU does not multiply bfloat16')
HIDDEN = torch.arange(50) < torch.tensor([50, 31])[:, None, None, None]  # what each of two images attends to
ADDED = torch.where(
    HIDDEN, torch.arange(50, dtype=torch.double) % 5 / 2, -torch.inf
)  # what is added to the scores of keys


def draw(heads=3, rows=50, width=12):
    return torch.randn(4, 2, heads, rows, width).bfloat16()


def gradients(result, inputs, above):
    return torch.autograd.grad(result, inputs, above.to(result.dtype))


def assert_near(found, expected):
    """bfloat16 has 8 bits: 2 % of the largest value is a few roundings."""
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.bfloat16
        assert (one.double() - other).abs().max() < 0.02 * other.abs().max()


@needs_bfloat16
@pytest.mark.parametrize('block', [1 << 19, 2 * 50 * 50, 7 * 50, 3], ids=['all', 'matrices', 'rows', 'a row'])
@pytest.mark.parametrize('mask', [None, HIDDEN, ADDED], ids=['', 'masked', 'added'])
def test_blocks_give_the_textbook_and_its_gradient(block, mask, monkeypatch):
    monkeypatch.setattr(blocked_attention, 'BLOCK', block)
    monkeypatch.setattr(blocked_attention, 'FEWEST', block)
    monkeypatch.setattr(blocked_attention, 'SHARE', 0)
    *inputs, above = draw()
    inputs = [x.requires_grad_() for x in inputs]
    exact = [x.detach().double().requires_grad_() for x in inputs]
    expected, found = scaled_dot_product_attention(*exact, mask), attend_in_blocks(*inputs, mask)
    assert_near([found], [expected])
    assert_near(gradients(found, inputs, above), gradients(expected, exact, above))


def test_blocks_cover_the_matrix_once_and_are_no_larger_than_what_an_mlp_holds():
    for count, height, width in ((96, 197, 197), (12, 4097, 4097), (12, 1, 4097), (5, 9000, 2_000_000)):
        q, k = torch.empty(1, 1, 1).expand(count, height, 32), torch.empty(1, 1, 1).expand(count, width, 32)
        parts = list(blocked_attention.blocks(q, k))
        covered = sum(len(range(count)[some]) * len(range(height)[rows]) for some, rows in parts)
        assert covered == count * height
        for some, rows in parts:
            numbers = len(range(count)[some]) * len(range(height)[rows]) * width
            assert numbers <= max(1 << 18, 2 * max(q.numel(), k.numel()), width)


@needs_bfloat16
def test_other_numbers_of_keys_than_of_queries():
    q, (k, v) = draw(rows=1)[0], draw()[:2]
    assert_near([attend_in_blocks(q, k, v)], [scaled_dot_product_attention(q.double(), k.double(), v.double())])


@needs_bfloat16
def test_large_scores_do_not_overflow():
    q, k, v, _ = draw()
    found = attend_in_blocks(1000 * q, k, v)
    assert found.isfinite().all()
    assert found.abs().max() <= v.abs().max()  # shares of at most 1


@needs_bfloat16
def test_no_matrix_is_stored_for_the_gradient():
    q, k, v = (x.requires_grad_() for x in draw(rows=300)[:3])
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
        attend_in_blocks(q, k, v)
    assert kept
    assert max(kept) <= q.numel()


@needs_bfloat16
def test_attention_in_bfloat16_takes_blocks_on_cpus_that_multiply_it(monkeypatch):
    taken = []
    monkeypatch.setattr(attention, 'attend_in_blocks', lambda q, *_: taken.append(q.dtype) or q)
    x = torch.randn(2, 300, 24)
    attend(x, x, x, 3)
    attend(*3 * [x[:, :7].bfloat16()], 3)  # too few to be worth it
    assert not taken
    attend(*3 * [x.bfloat16()], 3)
    assert taken == [torch.bfloat16]


@needs_bfloat16
def test_networks_are_recorded_without_blocks():
    x = torch.randn(2, 300, 24).bfloat16()
    graph = torch.jit.trace(lambda x: attend(x, x, x, 3), x).graph
    assert 'scaled_dot_product_attention' in str(graph)


def test_other_cpus_attend_in_single_precision(monkeypatch):
    monkeypatch.setattr(blocked_attention, 'NATIVE', False)
    q, k, v, _ = (x.transpose(1, 2).flatten(2) for x in draw(rows=300))
    found = attend(q, k, v, 3)
    assert_near([found], [attend(q.double(), k.double(), v.double(), 3)])


def test_a_torch_that_cannot_be_asked_gets_no_blocks(monkeypatch):
    for name in ('_is_avx512_bf16_supported', '_is_amx_tile_supported'):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert not blocked_attention.multiplies_bfloat16()
