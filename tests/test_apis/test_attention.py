import numpy as np
import torch
from helpers.pretraining import SMALL
from mmengine.registry import init_default_scope
from torch.testing import assert_close

from mmdefusion.apis.attention import attention_maps, draw_heat
from mmdefusion.models.checkpoints.reference import build_fuser


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


def test_heat_is_red_where_it_is_high():
    heat = np.zeros((2, 2))
    heat[1, 1] = 3
    drawn = draw_heat(np.full((32, 48, 3), 100, np.uint8), heat)
    assert drawn.shape == (32, 48, 3)
    blue, _, red = drawn[-2, -2].astype(int)
    assert red > blue
    blue, _, red = drawn[1, 1].astype(int)
    assert blue > red
    draw_heat(np.zeros((8, 8, 3), np.uint8), np.ones((2, 2)))  # a flat map is no division by zero
