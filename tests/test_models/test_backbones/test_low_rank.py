"""Low-rank updates (LoRA) of the encoder."""

import copy

import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.runner import load_checkpoint
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from torch.testing import assert_close

from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.low_rank import merge_low_rank
from mmdefusion.models.checkpoints.weights_fit import refuse_misfit

SMALL = {'embed_dims': 32, 'depth': 3, 'num_heads': 2, 'last_num_heads': 4}


def build(rank: int | None = None, **options) -> DeFusionEncoder:
    return DeFusionEncoder(SMALL, drop_path_rate=0.0, lora_rank=rank, **options)


def trained(rank: int = 4) -> DeFusionEncoder:
    """After three steps with weight decay, which would change fixed weights too, if it got at them."""
    encoder = build(rank)
    optimizer = torch.optim.AdamW([p for p in encoder.parameters() if p.requires_grad], lr=0.05, weight_decay=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        features = encoder(torch.randn(1, 6, 32, 48))
        (features.deep.a.square().sum() + features.skip.b.square().sum()).backward()
        optimizer.step()
    return encoder


@pytest.fixture
def pair() -> torch.Tensor:
    return torch.randn(2, 6, 48, 32)


def tokens(encoder: DeFusionEncoder, pair: torch.Tensor) -> torch.Tensor:
    return encoder.eval()(pair).deep.a.detach()


def test_starts_as_the_plain_encoder(pair):
    plain, updated = build(), build(4)
    updated.load_state_dict(plain.state_dict())
    assert torch.equal(tokens(updated, pair), tokens(plain, pair))


def test_only_updates_and_the_norms_of_the_skip_feature_learn(pair):
    torch.manual_seed(0)
    before = build(4)
    torch.manual_seed(0)
    after = trained(4)
    moved = {name for name, value in after.named_parameters() if not torch.equal(value, before.get_parameter(name))}
    assert {name for name, value in after.named_parameters() if value.requires_grad} == moved
    kinds = {name.rpartition('.')[2] if name.startswith('blocks') else name.partition('.')[0] for name in moved}
    assert kinds == {'low_rank_down', 'low_rank_up', 'skip_norm1', 'skip_norm2'} and len(moved) == 6 + 4
    assert (tokens(after, pair) - tokens(before, pair)).abs().max() > 0.1


def test_updates_of_frozen_blocks_alone_are_refused():
    with pytest.raises(ValueError, match=r'frozen_stages=\d+ trains no block, lora_rank updates them'):
        build(4, frozen_stages=len(build(4).blocks))


def test_frozen_stages_have_fixed_updates():
    encoder = build(4, frozen_stages=2)
    assert [block.attn.qkv.low_rank_up.requires_grad for block in encoder.blocks] == [False, False, True]


def test_a_public_vit_loads(tmp_path, pair):
    state = {key: value for key, value in build().state_dict().items() if not key.startswith('skip_norm')}
    torch.save({'model': {**state, 'pos_embed': torch.randn(1, 10, 32)}}, tmp_path / 'vit.pth')
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'vit.pth')}
    plain, updated = build(init_cfg=init_cfg), build(8, init_cfg=init_cfg)
    for encoder in (plain, updated):
        encoder.init_weights()
    assert torch.equal(tokens(updated, pair), tokens(plain, pair))


@pytest.mark.parametrize('rank', [None, 2, 4])
def test_a_trained_checkpoint_loads_with_and_without_updates(tmp_path, pair, rank):
    """As it is where the rank is the same, otherwise merged."""
    source, target = trained(4), build(rank)
    torch.save({'state_dict': source.state_dict()}, tmp_path / 'iter_3.pth')
    load_checkpoint(target, str(tmp_path / 'iter_3.pth'), strict=rank in (None, 4))
    assert_close(tokens(target, pair), tokens(source, pair), atol=1e-5, rtol=1e-5)
    assert torch.equal(target.blocks[0].attn.qkv.weight, source.blocks[0].attn.qkv.weight) == (rank == 4)


def test_merged_weights_are_those_of_a_plain_encoder(pair):
    source, plain = trained(), build()
    plain.load_state_dict(merge_low_rank(source.state_dict()))
    assert_close(tokens(plain, pair), tokens(source, pair), atol=1e-5, rtol=1e-5)
    assert merge_low_rank(plain.state_dict()).keys() == plain.state_dict().keys()


def test_merged_weights_fit_the_config_that_trained_them(pair):
    """Those that publish_model.py writes: what a model with updates, even trained ones, makes of them is the same."""
    source = trained(4)
    expected, published = tokens(source, pair), merge_low_rank(source.state_dict())
    for target in (build(4), source):
        refuse_misfit(target, published, 'published.pth')
        target.load_state_dict(published)
        assert_close(tokens(target, pair), expected, atol=1e-5, rtol=1e-5)


def test_half_of_an_update_does_not_fit():
    state = build(4).state_dict()
    del state['blocks.1.attn.qkv.low_rank_up']
    with pytest.raises(CheckpointError, match=r'lacks 1 of .* first blocks\.1\.attn\.qkv\.low_rank_up'):
        refuse_misfit(build(4), state, 'a.pth')
    with pytest.raises(CheckpointError, match='cannot be merged'):
        build(4).load_state_dict(state)


@pytest.mark.parametrize('factor, value', [('up', None), ('down', torch.zeros(3, 32)), ('up', torch.zeros(96))])
def test_a_broken_update_is_named(factor, value):
    state, key = build(4).state_dict(), f'blocks.1.attn.qkv.low_rank_{factor}'
    state[key] = value
    state = {name: tensor for name, tensor in state.items() if tensor is not None}
    with pytest.raises(CheckpointError, match=r'a\.pth: the low-rank update of blocks\.1\.attn\.qkv cannot be merged'):
        merge_low_rank(state, 'a.pth')


@pytest.mark.parametrize('rank', [0, 33])
def test_a_rank_that_cannot_be_is_refused(rank):
    with pytest.raises(ValueError, match=f'rank={rank} of a low-rank update must be 1 to 32'):
        build(rank)


def test_weights_are_averaged(pair):
    encoder = build(4)
    average = ExponentialMovingAverage(encoder, momentum=0.5)
    start = copy.deepcopy(encoder)
    torch.nn.init.ones_(encoder.blocks[0].attn.qkv.low_rank_up)
    average.update_parameters(start)  # the first copies, later ones average
    average.update_parameters(encoder)
    up = average.module.blocks[0].attn.qkv.low_rank_up
    assert_close(up, torch.full_like(up, 0.5))


def test_processes_wait_for_no_gradient(pair):
    """DistributedDataParallel refuses a second step if a parameter that it waits for got no gradient."""
    store = distributed.HashStore()
    distributed.init_process_group('gloo', store=store, rank=0, world_size=1)
    try:
        model = DistributedDataParallel(build(4).train())
        for _ in range(2):
            features = model(pair)
            (features.deep.a.sum() + features.skip.b.sum()).backward()
    finally:
        distributed.destroy_process_group()
    assert model.module.blocks[2].attn.qkv.low_rank_up.grad.abs().max() > 0
