import torch
from helpers.pretraining import SMALL
from helpers.untrained_fuser import build_fuser
from mmengine.registry import init_default_scope
from torch.testing import assert_close

from mmdefusion.models.fusers.attention_maps import attention_maps


def test_maps_of_any_size_sum_to_one():
    init_default_scope('mmengine')
    maps = attention_maps(build_fuser(SMALL).eval(), torch.randn(1, 6, 50, 70))
    for kind in maps:
        for image in kind:
            assert image.shape == (4, 5)
            assert_close(image.sum(), torch.tensor(1.0))


def test_swapping_the_images_swaps_the_maps():
    fuser, pair = build_fuser(SMALL).eval(), torch.randn(1, 6, 48, 64)
    one, other = attention_maps(fuser, pair), attention_maps(fuser, pair.roll(3, dims=1))
    assert_close(one.common.a, other.common.b)
    assert_close(one.unique.b, other.unique.a)


def test_attention_is_what_the_block_computes():
    block = build_fuser(SMALL).neck[0].deep.unique.eval()
    s, t = torch.randn(2, 1, 6, 32)
    values = torch.nn.functional.linear(
        block.value(s), block.attn.in_proj.weight.chunk(3)[2], block.attn.in_proj.bias.chunk(3)[2]
    )
    values = values.unflatten(-1, (block.attn.num_heads, -1)).transpose(1, 2)
    by_hand = block.attn.out_proj((block.attention(s, t) @ values).transpose(1, 2).flatten(2))
    assert_close(by_hand, block.attn(block.query(t), block.key(s), block.value(s)), atol=1e-5, rtol=1e-4)
