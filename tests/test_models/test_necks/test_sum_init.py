"""With SumInit fusing begins as the sum of what the encoder says of both images."""

import copy

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from torch.nn.functional import cosine_similarity, layer_norm

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
    trained = MODELS.build(dict(type='mmdefusion.DeFusionPP', arch='tiny'))
    torch.save(trained.state_dict(), tmp_path / 'whole.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'whole.pth'))
    other = MODELS.build(
        dict(type='mmdefusion.DeFusionPP', arch='tiny', decomposition=dict(init_cfg=SUM), init_cfg=init_cfg)
    )
    other.init_weights()
    found = other.decomposition.state_dict()
    for name, value in trained.decomposition.state_dict().items():
        torch.testing.assert_close(found[name], value)


def test_factors_are_options():
    plain, quiet, louder = build(None), build(SUM), build(dict(SUM, branches=0.2, skip=0.5))
    for path in ('mixer.0.mlp.fc2', 'deep.fusion.linear2', 'skip.common.attn.out_proj', 'deep.residual.attn.proj'):
        begun, tenth, fifth = (one.get_submodule(path).weight for one in (plain, quiet, louder))
        torch.testing.assert_close((0.1 * begun, 0.2 * begun), (tenth, fifth))
    ones = torch.ones(WIDTH)
    for neck, factor in ((plain, 1.0), (quiet, 0.1), (louder, 0.5)):
        torch.testing.assert_close(neck.skip.fusion.norm2.weight.detach(), factor * ones)
        torch.testing.assert_close(neck.deep.fusion.norm2.weight.detach(), ones)


@pytest.mark.parametrize('kind', ['DeFusionPP', 'DeFusionEncoder', 'SimpleFeaturePyramid'])
def test_what_does_not_fuse_is_refused(kind):
    options = dict(embed_dims=WIDTH) if kind == 'SimpleFeaturePyramid' else dict(arch='tiny')
    model = MODELS.build(dict(type=f'mmdefusion.{kind}', init_cfg=SUM, **options))
    with pytest.raises(TypeError, match=f'of a DecompositionNeck or a FusedPyramid, not of {kind}'):
        model.init_weights()


def test_the_log_says_where_weights_come_from(tmp_path):
    init_default_scope('mmdefusion')
    logger = MMLogger.get_instance('sum_init', log_file=str(tmp_path / 'run.log'), file_mode='w')
    MODELS.build(dict(type='mmdefusion.DecompositionNeck', embed_dims=WIDTH, init_cfg=SUM)).init_weights()
    logger.handlers[-1].flush()
    told = (tmp_path / 'run.log').read_text().count('SumInit: branches=0.1, skip=0.1')
    assert told == 10 * 2 + 1  # the last maps of both branches of ten blocks, and one norm
