import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from mmdefusion.models.layers import CrossAttention, SelfAttention
from mmdefusion.models.layers.attention import attend, attend_on_gpu


def plain_attention(q, k, v):
    """The textbook formula, with the N×N matrix."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    return scores.softmax(-1) @ v


def test_self_attention_packs_qkv_rows_as_three_heads_width():
    attention = SelfAttention(embed_dims=24, num_heads=3).double()
    x = torch.randn(2, 7, 24, dtype=torch.double)
    qkv = attention.qkv(x).reshape(2, 7, 3, 3, 8).permute(2, 0, 3, 1, 4)
    expected = attention.proj(plain_attention(*qkv).transpose(1, 2).reshape(2, 7, 24))
    assert_close(attention(x), expected)


def test_cross_attention_equals_torch_multihead_attention():
    ours = CrossAttention(embed_dims=32, num_heads=4).double().eval()
    theirs = torch.nn.MultiheadAttention(32, 4, batch_first=True).double().eval()
    theirs.load_state_dict({name.replace('in_proj.', 'in_proj_'): value for name, value in ours.state_dict().items()})
    query, key, value = torch.randn(3, 2, 5, 32, dtype=torch.double)
    assert_close(ours(query, key, value), theirs(query, key, value, need_weights=False)[0])


def test_filled_heads_give_the_same():
    q, k, v = torch.randn(3, 1, 600, 2 * 12, dtype=torch.double, requires_grad=True)
    heads = (x.unflatten(-1, (2, 12)).transpose(1, 2) for x in (q, k, v))
    expected = plain_attention(*heads).transpose(1, 2).flatten(2)
    for few in (slice(600), slice(5)):  # with and without a gradient, many and few keys
        assert_close(attend(q, k[:, few], v[:, few], 2), attend(q.detach(), k[:, few].detach(), v[:, few].detach(), 2))
    assert_close(attend(q, k, v, 2), expected)
    assert_close(torch.autograd.grad(attend(q, k, v, 2).sin().sum(), k), torch.autograd.grad(expected.sin().sum(), k))


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(('width', 'filled'), [(12, 16), (6, 8), (32, 32)])
def test_gpus_get_heads_whose_kernels_take_a_mask(width, filled, dtype, monkeypatch):
    """Others would store the matrix. Without a mask they are as they are."""
    seen = []

    def watched(q, k, v, mask, scale=None):
        seen.append({x.shape[-1] for x in (q, k, v)})
        return scaled_dot_product_attention(q, k, v, mask, scale=scale)

    monkeypatch.setattr('mmdefusion.models.layers.attention.scaled_dot_product_attention', watched)
    q, k, v = torch.empty(3, 2, 5, 2 * width, dtype=dtype, device='meta')  # like a GPU, no CPU
    mask = torch.empty(2, 5, dtype=torch.bool, device='meta')
    assert attend(q, k, v, 2, mask).shape == attend(q, k, v, 2).shape == q.shape
    assert seen == [{filled}, {width}]


def test_what_gpus_get_is_the_same_attention():
    q, k, v = torch.randn(3, 2, 3, 9, 12, dtype=torch.double, requires_grad=True)
    mask = (torch.rand(2, 1, 1, 9) < 0.7) | (torch.arange(9) == 0)
    expected = scaled_dot_product_attention(q, k, v, mask)
    found = attend_on_gpu(q, k, v, mask)
    assert_close(found, expected)
    assert_close(torch.autograd.grad(found.sin().sum(), k), torch.autograd.grad(expected.sin().sum(), k))


@pytest.mark.parametrize('attention', [SelfAttention, CrossAttention])
def test_width_must_split_over_heads(attention):
    with pytest.raises(ValueError, match='embed_dims=20 cannot be split over 16 heads'):
        attention(20, 16)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float64])
def test_a_whole_model_in_another_precision(dtype):
    x = torch.randn(2, 7, 24, dtype=dtype)
    assert SelfAttention(24, 3).to(dtype)(x).dtype == dtype
