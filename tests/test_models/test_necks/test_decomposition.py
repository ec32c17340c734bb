import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.layers import Content
from mmdefusion.models.necks import DecompositionNeck
from mmdefusion.models.structures import Pair, PairFeatures
from mmdefusion.registry import MODELS


def features(grid=(2, 3), width=32) -> PairFeatures:
    tokens = torch.randn(4, 2, 1 + grid[0] * grid[1], width)
    return PairFeatures(Pair(*tokens[:2]), Pair(*tokens[2:]), (), grid, Content((grid[0] * 16, grid[1] * 16)))


def build(**options) -> DecompositionNeck:
    return MODELS.build({'type': 'mmdefusion.DecompositionNeck', 'embed_dims': 32, **options}).eval()


def test_the_paper_s_formulas():
    """DESIGN section 2, written out for one order at a time."""
    neck, pair = build(), features()
    for path, (a, b), parts in ((neck.deep, pair.deep, 0), (neck.skip, pair.skip, 1)):
        computed = neck.decompose(pair, 'ab')[parts]
        assert_close(computed.common, path.common(a, b))
        assert_close(computed.unique_b, path.unique(a, b) + path.residual(b))
        assert_close(computed.unique_a, path.unique(b, a) + path.residual(a))
        fused = path.fusion(computed.common, computed.unique_a) + path.fusion(computed.common, computed.unique_b)
        assert_close(path.fuse(computed), fused)


def test_orders_of_the_common_feature():
    neck, pair = build(), features()
    common = {order: neck.decompose(pair, order)[0].common for order in ('ab', 'ba', 'sum', 'mean')}
    assert_close(common['sum'], common['ab'] + common['ba'])
    assert_close(common['mean'], common['sum'] / 2)
    assert not torch.allclose(common['ab'], common['ba'])


def test_fused_is_symmetric():
    neck, pair = build(), features()
    swapped = pair._replace(deep=Pair(*pair.deep[::-1]), skip=Pair(*pair.skip[::-1]))
    assert_close(neck(pair).fused, neck(swapped).fused, atol=1e-5, rtol=0)


def test_another_order_on_request():
    neck, pair = build(), features()
    for order in ('ab', 'ba', 'mean'):
        assert_close(neck(pair, order).fused, build_like(neck, order)(pair).fused)


def build_like(neck: DecompositionNeck, common: str) -> DecompositionNeck:
    other = build(common=common)
    other.load_state_dict(neck.state_dict())
    return other


@pytest.mark.parametrize('options, message', [({'common': 'both'}, "common='both'")])
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DecompositionNeck(32, **options)


def test_weights_without_their_prefix_are_refused():
    with pytest.raises(CheckpointError, match=r"holds .* and no decomposition: name its prefix in init_cfg, 'neck.0.'"):
        build(init_cfg=dict(type='Pretrained', checkpoint='tiny')).init_weights()


def test_a_checkpoint_of_another_width_is_refused(tmp_path):
    torch.save({f'neck.0.{name}': value for name, value in build(embed_dims=64).state_dict().items()}, tmp_path / 'x')
    neck = build(init_cfg={'type': 'Pretrained', 'checkpoint': str(tmp_path / 'x'), 'prefix': 'neck.0.'})
    with pytest.raises(CheckpointError, match='decomposition of width 64, the config builds embed_dims=32'):
        neck.init_weights()


def test_a_damaged_norm_is_told_in_a_line():
    neck = build()
    with pytest.raises(CheckpointError, match=r'decomposition of width \(\), the config builds embed_dims=32'):
        neck.load_state_dict({**neck.state_dict(), 'mixer.0.norm1.weight': torch.tensor(1.0)})
