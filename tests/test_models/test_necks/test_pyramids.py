import pytest
import torch

from mmdefusion.models.layers import Content
from mmdefusion.models.necks import FusedPyramid, SimpleFeaturePyramid
from mmdefusion.models.structures import Decomposition, Pair, PairFeatures


def decomposition(image_size=(40, 50), width=32, depth=7) -> Decomposition:
    grid = tuple(-(-side // 16) for side in image_size)
    tokens = torch.randn(depth + 2, 2, 2, 1 + grid[0] * grid[1], width)
    layers = tuple(Pair(*pair) for pair in tokens[: depth + 1])
    features = PairFeatures(layers[-1], layers[0], layers, grid, Content(image_size))
    return Decomposition(None, None, tokens[-1][0], tokens[-1][1], features)


@pytest.mark.parametrize('image_size', [(16, 16), (17, 95), (64, 48)])
@pytest.mark.parametrize('pyramid', [SimpleFeaturePyramid, FusedPyramid])
def test_levels_cover_the_image_and_nothing_more(pyramid, image_size):
    levels = pyramid(32, out_channels=8)(decomposition(image_size))
    assert [level.shape[1] for level in levels] == [8] * 4
    expected = [tuple(-(-side // stride) for side in image_size) for stride in (4, 8, 16, 32)]
    assert [tuple(level.shape[2:]) for level in levels] == expected


def test_pooled_level():
    levels = SimpleFeaturePyramid(32, num_outs=5)(decomposition())
    assert torch.equal(levels[4], levels[3][..., ::2, ::2])


def test_only_the_strides_asked_for_are_built():
    pyramid = SimpleFeaturePyramid(32, strides=(8, 32))
    levels = pyramid(decomposition((64, 64)))
    assert [level.shape[-1] for level in levels] == [8, 2]
    sum(level.sum() for level in levels).backward()
    assert all(parameter.grad is not None for parameter in pyramid.parameters())


def test_each_fused_level_reads_its_own_layer():
    pyramid = FusedPyramid(32, layers=(1, 2, 4)).eval()
    given = decomposition()
    before = pyramid(given)
    layers = list(given.features.layers)
    layers[2] = Pair(*torch.randn_like(torch.stack(layers[2])))
    after = pyramid(given._replace(features=given.features._replace(layers=tuple(layers))))
    changed = [not torch.equal(x, y) for x, y in zip(before, after, strict=True)]
    assert changed == [False, True, False, False]


def test_bad_options():
    with pytest.raises(ValueError, match='strides=\\(4, 5\\)'):
        SimpleFeaturePyramid(32, strides=(4, 5))
    with pytest.raises(ValueError, match='num_outs=3'):
        SimpleFeaturePyramid(32, num_outs=3)
    with pytest.raises(ValueError, match='layers=\\(3, 5\\)'):
        FusedPyramid(32, layers=(3, 5))
    with pytest.raises(ValueError, match='encoder with 7 blocks'):
        FusedPyramid(32, layers=(3, 5, 9))(decomposition())
