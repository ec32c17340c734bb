import pytest
import torch
from mmengine.runner import load_checkpoint
from torch.testing import assert_close

from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.layers import mark_padding
from mmdefusion.registry import MODELS

SMALL = {'embed_dims': 32, 'depth': 7, 'num_heads': 2, 'last_num_heads': 4}


def build(**options):
    return MODELS.build({'type': 'mmdefusion.DeFusionPP', 'arch': SMALL, **options}).eval()


@pytest.mark.parametrize('pyramid', ['SimpleFeaturePyramid', 'FusedPyramid', 'GuidedPyramid'])
@pytest.mark.parametrize('size', [(16, 16), (33, 70)])
def test_four_maps(pyramid, size):
    if pyramid == 'GuidedPyramid':
        pytest.importorskip('mmcv')
    model = build(pyramid={'type': f'mmdefusion.{pyramid}', 'out_channels': 24})
    maps = model(torch.randn(1, 6, *size))
    expected = [(1, 24, *(-(-side // stride) for side in size)) for stride in (4, 8, 16, 32)]
    assert [tuple(feature.shape) for feature in maps] == expected
    assert model.out_channels == 24


@pytest.mark.parametrize('pyramid', ['SimpleFeaturePyramid', 'FusedPyramid'])
def test_symmetric_in_the_images(pyramid):
    model = build(pyramid={'type': f'mmdefusion.{pyramid}'})
    a, b = torch.randn(2, 1, 3, 40, 56)
    for ab, ba in zip(model(torch.cat([a, b], 1)), model(torch.cat([b, a], 1)), strict=True):
        assert_close(ab, ba, atol=1e-5, rtol=0)


class Detector(torch.nn.Module):
    """Where the backbone sits in a detector, beside a neck of the toolbox."""

    def __init__(self):
        super().__init__()
        self.backbone = build()
        self.neck = torch.nn.Linear(2, 2)


@pytest.fixture
def pretraining(tmp_path):
    encoder = MODELS.build({'type': 'mmdefusion.DeFusionEncoder', 'arch': SMALL})
    neck = MODELS.build([{'type': 'mmdefusion.DecompositionNeck', 'embed_dims': 32}])
    state = {f'backbone.{name}': value for name, value in encoder.state_dict().items()}
    state |= {f'neck.{name}': value for name, value in neck.state_dict().items()}
    torch.save({'state_dict': state}, tmp_path / 'pretraining.pth')
    return str(tmp_path / 'pretraining.pth'), encoder, neck[0]


def test_reads_pretraining_checkpoints(pretraining):
    path, encoder, decomposition = pretraining
    model = build(init_cfg={'type': 'Pretrained', 'checkpoint': path})
    model.init_weights()
    assert_close(model.encoder.state_dict(), encoder.state_dict())
    assert_close(model.decomposition.state_dict(), decomposition.state_dict())


def test_load_from_would_leave_the_neck_random_and_says_so(pretraining):
    with pytest.raises(CheckpointError, match='give the backbone init_cfg'):
        load_checkpoint(Detector(), pretraining[0])


def test_a_prefix_that_leaves_the_encoder_alone_is_refused(pretraining):
    with pytest.raises(CheckpointError, match='without prefix'):
        build(init_cfg={'type': 'Pretrained', 'checkpoint': pretraining[0], 'prefix': 'backbone.'}).init_weights()


def test_the_authors_layout_is_not_loaded_by_halves(tmp_path):
    torch.save(
        {'model': {'encoder.cls_token': torch.zeros(1, 1, 32), 'enc_norm1.weight': torch.ones(32)}}, tmp_path / 'x'
    )
    with pytest.raises(CheckpointError, match='reference_to_mmdefusion.py'):
        build(init_cfg={'type': 'Pretrained', 'checkpoint': str(tmp_path / 'x')}).init_weights()


@pytest.mark.parametrize('wrapper', ['model', 'teacher', 'backbone.encoder.cls_token'])
def test_a_file_of_something_else_is_refused(wrapper, tmp_path):
    """MAE's and DeiT's files have their weights in 'model', DINO's in 'teacher'; MMEngine would only warn."""
    token = torch.zeros(1, 1, 32)
    torch.save({wrapper: token if '.' in wrapper else {'cls_token': token}}, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=f'holds {wrapper} and nothing of DeFusionPP: give the file'):
        build(init_cfg={'type': 'Pretrained', 'checkpoint': str(tmp_path / 'x.pth')}).init_weights()


def test_its_own_checkpoint_round_trips(tmp_path):
    source, target = Detector(), Detector()
    torch.save(source.state_dict(), tmp_path / 'own.pth')
    load_checkpoint(target, str(tmp_path / 'own.pth'), strict=True)
    assert_close(target.state_dict(), source.state_dict())


PRIOR = {'type': 'mmdefusion.SpatialPrior', 'widths': (4, 8, 16, 16)}


def build_alike(**options):
    torch.manual_seed(0)
    return build(**options)


@pytest.mark.parametrize(
    'pyramid',
    [
        {'type': 'mmdefusion.FusedPyramid'},
        {'type': 'mmdefusion.SimpleFeaturePyramid', 'num_outs': 5},
        {'type': 'mmdefusion.SimpleFeaturePyramid', 'strides': (8, 16), 'num_outs': 3},
    ],
)
def test_a_spatial_prior_is_added_level_by_level(pyramid):
    pytest.importorskip('mmcv')
    options, pair = dict(pyramid={**pyramid, 'out_channels': 24}), torch.randn(2, 6, 33, 70)
    paper, ours = build_alike(**options), build_alike(**options, spatial_prior=PRIOR)
    added = {name for name in ours.state_dict() if name.startswith('spatial_prior.')}
    assert added and set(ours.state_dict()) - added == set(paper.state_dict())
    for both, fused, prior in zip(ours(pair), paper(pair), ours.spatial_prior(pair), strict=True):
        assert prior.abs().mean() > 1e-3
        assert_close(both, fused + prior)


def check_padding_is_unseen(model: torch.nn.Module) -> None:
    sizes = [(33, 40), (64, 17)]
    pictures, batch = [torch.randn(1, 6, *size) for size in sizes], torch.zeros(2, 6, 96, 64)
    for slot, picture in zip(batch, pictures, strict=True):
        slot[:, : picture.shape[2], : picture.shape[3]] = picture[0]
    mark_padding(batch, sizes)
    for index, picture in enumerate(pictures):
        for ours, alone in zip(model(batch), model(picture), strict=True):
            height, width = alone.shape[2:]
            assert_close(ours[index, :, :height, :width], alone[0], atol=1e-4, rtol=1e-4)


def test_a_spatial_prior_sees_no_padding():
    pytest.importorskip('mmcv')
    check_padding_is_unseen(build(spatial_prior=PRIOR))


def test_pretrained_weights_leave_the_spatial_prior_as_it_is(pretraining):
    pytest.importorskip('mmcv')
    path, encoder, _ = pretraining
    model = build(init_cfg={'type': 'Pretrained', 'checkpoint': path}, spatial_prior=PRIOR)
    before = {name: value.clone() for name, value in model.spatial_prior.state_dict().items()}
    model.init_weights()
    assert_close(model.encoder.state_dict(), encoder.state_dict())
    assert_close(model.spatial_prior.state_dict(), before)


JOINTS = {
    'junction': {'type': 'mmdefusion.GatedSum'},
    'injection': {'type': 'mmdefusion.TokenInjection'},
}


def test_joints_of_prior_and_vit_begin_where_they_should():
    """A gate at 0 leaves the prior alone, an injection at 0 leaves the ViT as it was."""
    pytest.importorskip('mmcv')
    pair = torch.randn(2, 6, 33, 70)
    plain = build_alike(spatial_prior=PRIOR)
    gated = build_alike(spatial_prior=PRIOR, junction=JOINTS['junction'])
    injected = build_alike(spatial_prior=PRIOR, injection=JOINTS['injection'])
    for model, expected in ((gated, plain.spatial_prior(pair)), (injected, plain(pair))):
        missing = model.load_state_dict(plain.state_dict(), strict=False).missing_keys
        assert missing and all(name.startswith(('junction.', 'injection.')) for name in missing)
        for ours, theirs in zip(model(pair), expected, strict=True):
            assert_close(ours, theirs)


def test_a_gated_prior_adds_what_its_gates_let_through():
    pytest.importorskip('mmcv')
    pair = torch.randn(2, 6, 33, 70)
    gated = build_alike(spatial_prior=PRIOR, junction={'type': 'mmdefusion.GatedPrior'})
    plain = build_alike(spatial_prior=PRIOR)
    plain.load_state_dict(gated.state_dict(), strict=False)
    alone = [one - prior for one, prior in zip(plain(pair), plain.spatial_prior(pair), strict=True)]
    for one, own, prior in zip(gated(pair), alone, plain.spatial_prior(pair), strict=True):
        norm = (prior - prior.mean(1, keepdim=True)) / (prior.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
        assert_close(one, own + 0.3 * norm, atol=1e-4, rtol=1e-4)
    for gate in gated.junction.gates:
        torch.nn.init.zeros_(gate)
    for one, own in zip(gated(pair), alone, strict=True):
        assert_close(one, own)


@pytest.mark.parametrize('pyramid', ['SimpleFeaturePyramid', 'FusedPyramid'])
def test_joints_learn_and_let_the_vit_in(pyramid):
    pytest.importorskip('mmcv')
    model = build_alike(spatial_prior=PRIOR, pyramid={'type': f'mmdefusion.{pyramid}', 'out_channels': 24}, **JOINTS)
    optimizer, pair = torch.optim.SGD(model.parameters(), 0.1), torch.randn(2, 6, 48, 40)
    before = [one.detach() for one in model(pair)]
    targets = [torch.randn_like(one) for one in before]
    for step in range(3):
        optimizer.zero_grad()
        sum((one - other).square().mean() for one, other in zip(model(pair), targets, strict=True)).backward()
        seen = model.encoder.blocks[0].attn.qkv.weight.grad.abs().sum()
        assert (seen > 0) == (step > 0)  # the gates open with the first step
        optimizer.step()
    assert all(gate.abs().min() > 0 for gate in model.junction.gates)
    a, b = model.injection.proj.weight.chunk(2)
    assert a.abs().sum() > 0 and b.abs().sum() > 0 and not torch.equal(a, b)


def test_joints_see_no_padding():
    pytest.importorskip('mmcv')
    model = build(spatial_prior=PRIOR, **JOINTS)
    for weight in (*model.junction.gates, model.injection.proj.weight):
        torch.nn.init.normal_(weight)
    check_padding_is_unseen(model)


def test_joints_need_what_they_join():
    pytest.importorskip('mmcv')
    for joint in JOINTS.items():
        with pytest.raises(ValueError, match='give spatial_prior, too'):
            build(**dict([joint]))
    pyramid = {'type': 'mmdefusion.SimpleFeaturePyramid', 'strides': (4, 8)}
    with pytest.raises(ValueError, match=r'map at stride 16, but the pyramid has the strides \(4, 8\)'):
        build(spatial_prior=PRIOR, pyramid=pyramid, injection=JOINTS['injection'])


def test_what_is_frozen_is_not_trained():
    model = build(frozen=True, encoder={'drop_path_rate': 0.5}).train()
    assert model.training and not model.encoder.training and not model.decomposition.training
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained = {name: one for name, one in model.named_parameters() if one.requires_grad}
    assert trained and all(name.startswith('pyramid.') for name in trained)
    sum(level.square().mean() for level in model(torch.randn(1, 6, 32, 48))).backward()
    assert all(one.grad is not None for one in trained.values())
    torch.optim.SGD(model.parameters(), 0.1, weight_decay=0.1).step()
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith(('encoder.', 'decomposition.')), name


def test_what_is_frozen_has_no_updates_to_train():
    with pytest.raises(ValueError, match='frozen=True trains nothing of the encoder, lora_rank its updates'):
        build(frozen=True, encoder={'lora_rank': 2})


def test_an_injection_is_trained_through_what_is_frozen():
    pytest.importorskip('mmcv')
    model = build(frozen=True, spatial_prior=PRIOR, **JOINTS).train()
    sum(level.square().mean() for level in model(torch.randn(2, 6, 32, 48))).backward()
    lacking = [name for name, one in model.named_parameters() if one.requires_grad and one.grad is None]
    assert lacking == [] and model.injection.proj.weight.requires_grad


def test_a_guided_pyramid_in_a_checkpoint_needs_one(tmp_path):
    pytest.importorskip('mmcv')
    source = build(pyramid={'type': 'mmdefusion.GuidedPyramid'})
    slots = {'backbone.': source.encoder, 'neck.0.': source.decomposition, 'neck.1.': source.pyramid}
    state = {f'{at}{name}': value for at, part in slots.items() for name, value in part.state_dict().items()}
    with pytest.raises(ValueError, match='The checkpoint holds a guided pyramid: give pyramid='):
        build().load_state_dict(state, strict=False)
