"""With SumInit fusing begins as the sum of what the encoder says of both images."""

import copy

import pytest
import torch
from mmengine.registry import init_default_scope
from torch.nn.functional import cosine_similarity, layer_norm, normalize

from mmdefusion.models.layers import Content
from mmdefusion.models.necks import DecompositionNeck
from mmdefusion.models.structures import Pair, PairFeatures
from mmdefusion.registry import MODELS

WIDTH = 32
SUM = dict(type='mmdefusion.SumInit')


def features(seed: int = 0, depth: int = 3) -> PairFeatures:
    """Random tokens of a pair, 4×5 patches and the class token; every layer has its own."""
    torch.manual_seed(seed)
    layers = tuple(Pair(torch.randn(2, 21, WIDTH), torch.randn(2, 21, WIDTH)) for _ in range(depth + 1))
    return PairFeatures(layers[-1], layers[1], layers, (4, 5), Content((64, 80)))


def plain_sum(pair: Pair) -> torch.Tensor:
    """What one expects of the fused tokens: both images' tokens, each normalised, added."""
    return sum(layer_norm(tokens, tokens.shape[-1:]) for tokens in (pair.a, pair.b))


def likeness(neck: DecompositionNeck, found: PairFeatures) -> torch.Tensor:
    with torch.no_grad():
        return cosine_similarity(neck(found).fused, plain_sum(found.deep), dim=-1).mean()


def build(init_cfg: dict | None) -> DecompositionNeck:
    torch.manual_seed(1)
    neck = MODELS.build(dict(type='mmdefusion.DecompositionNeck', embed_dims=WIDTH, init_cfg=init_cfg))
    neck.init_weights()
    return neck.eval()


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmdefusion'])
def test_fused_tokens_are_the_sum_in_every_scope(scope):
    init_default_scope(scope)
    assert likeness(build(SUM), features()) > 0.98
    assert likeness(build(None), features()) < 0.8


@pytest.mark.parametrize('common', ['sum', 'mean', 'ab', 'ba'])
def test_any_order_of_the_common_tokens_begins_as_the_sum(common):
    neck = build(SUM)
    neck.common = common
    assert likeness(neck, features()) > 0.98


def test_every_map_of_the_neck_gets_a_gradient():
    neck = build(SUM)
    (neck(features()).fused * torch.randn(2, 21, WIDTH)).sum().backward()
    still = [name for name, value in neck.named_parameters() if value.grad is None or not value.grad.abs().max() > 0]
    assert [name for name in still if not name.endswith('key.bias')] == []  # softmax is blind to a bias of keys


def test_levels_of_a_fused_pyramid_begin_as_sums_too():
    found = features(depth=12)
    pyramid = MODELS.build(dict(type='mmdefusion.FusedPyramid', embed_dims=WIDTH, init_cfg=SUM)).eval()
    random = copy.deepcopy(pyramid)
    pyramid.init_weights()
    pair = found.layers[3]

    def fused(one):
        with torch.no_grad():
            return one._both_orders(one.fusions[0], pair, None)

    assert cosine_similarity(fused(pyramid), plain_sum(pair), dim=-1).mean() > 0.98
    assert cosine_similarity(fused(random), plain_sum(pair), dim=-1).mean() < 0.8


def test_weights_of_a_checkpoint_come_after_it(tmp_path):
    trained = build(None)
    backbone = MODELS.build(dict(type='mmdefusion.DeFusionPP', arch='tiny'))
    torch.save(backbone.state_dict(), tmp_path / 'whole.pth')
    other = MODELS.build(
        dict(
            type='mmdefusion.DeFusionPP',
            arch='tiny',
            decomposition=dict(init_cfg=SUM),
            init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'whole.pth')),
        )
    )
    other.init_weights()
    for name, value in backbone.decomposition.state_dict().items():
        torch.testing.assert_close(other.decomposition.state_dict()[name], value)
    assert not torch.equal(build(SUM).mixer[0].mlp.fc2.weight, trained.mixer[0].mlp.fc2.weight)


def test_factors_are_options():
    quiet, louder = build(SUM), build(dict(SUM, branches=0.2, skip=1.0))
    torch.testing.assert_close(2 * quiet.mixer[0].mlp.fc2.weight, louder.mixer[0].mlp.fc2.weight)
    torch.testing.assert_close(
        normalize(10 * quiet.skip.fusion.norm2.weight, dim=0), normalize(louder.skip.fusion.norm2.weight, dim=0)
    )
    assert float(louder.skip.fusion.norm2.weight.detach().mean()) == 1.0
