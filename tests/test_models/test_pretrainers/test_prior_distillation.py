import pytest
import torch
from helpers.pretraining import SMALL, build, map_distiller_config, train
from torch.testing import assert_close

from mmdefusion.models.backbones import SpatialPrior
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.defusion_pp import DeFusionPP
from mmdefusion.models.layers import luma

PRIOR = dict(type='mmdefusion.SpatialPrior', widths=(8, 8, 16, 16))


@pytest.fixture
def config(tmp_path):
    prior = dict(**PRIOR, out_channels=24, strides=(4, 8, 16))
    return dict(type='mmdefusion.PriorDistiller', prior=prior, **map_distiller_config(tmp_path))


@pytest.fixture
def model(config):
    model = build(config)
    model.init_weights()
    return model


def test_every_map_learns_the_teachers_tokens_of_both_images_and_the_teacher_stays(model):
    before = {name: value.clone() for name, value in model.teacher.state_dict().items()}
    losses = train(model, [torch.rand(2, channels, 48, 48) for channels in (6, 3)], steps=40, lr=2e-2)
    assert list(losses) == ['loss_stride4', 'loss_stride8', 'loss_stride16']
    assert all(last < 0.85 * first for first, last in losses.values())
    for name, value in model.teacher.state_dict().items():
        assert_close(value, before[name], rtol=0, atol=0)


def test_targets_are_the_tokens_of_the_places_that_the_maps_show(model):
    model.views.flip, model.views.jitter, model.views.grey = 1.0, (1.0, 1.0), 0.0
    pairs = torch.rand(1, 6, 48, 48)
    tokens = model.teacher(model.normalize(torch.cat(pairs.chunk(2, dim=1))))[:, 1:]
    mirrored = tokens.unflatten(1, (3, 3)).flip(2).flatten(1, 2)
    wanted, seen = torch.cat(mirrored.chunk(2), dim=-1), []
    model.views.sides = (3, 3)
    for head in model.heads:
        head.loss = lambda prediction, targets: seen.append(targets) or prediction.mean()
    model(pairs, mode='loss')
    for targets in seen:
        assert_close(targets, wanted)


def test_an_image_alone_is_paired_with_its_grey_values(model):
    image = torch.rand(1, 3, 48, 32)
    for one, other in zip(
        model.eval()(image), model(torch.cat([image, luma(image).expand_as(image)], dim=1)), strict=True
    ):
        assert_close(one, other)


@pytest.mark.parametrize('out_channels', [24, 40])
def test_priors_of_tasks_read_the_stems_whatever_lies_behind_them(model, tmp_path, out_channels):
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'prior.pth')
    start = dict(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'prior.pth')))
    options = {key: value for key, value in PRIOR.items() if key != 'type'}
    alone = SpatialPrior(out_channels, strides=(8, 16, 32), **options, **start)
    pyramid = dict(out_channels=out_channels)
    beside = DeFusionPP(SMALL, pyramid=pyramid, spatial_prior={**PRIOR, **start})
    for prior in (alone, beside.spatial_prior):
        prior.init_weights()
        for name, value in prior.stems.state_dict().items():
            assert_close(value, model.prior.stems.state_dict()[name], rtol=0, atol=0)


def test_a_whole_backbone_reads_the_stems_beside_the_rest(model):
    torch.manual_seed(2)
    source = DeFusionPP(SMALL)
    slots = {'backbone.': source.encoder, 'neck.0.': source.decomposition, 'prior.': model.prior}
    state = {f'{at}{name}': value for at, part in slots.items() for name, value in part.state_dict().items()}
    backbone = DeFusionPP(SMALL, spatial_prior=PRIOR)
    backbone.load_state_dict(state, strict=False)
    for part, given in ((backbone.encoder, source.encoder), (backbone.spatial_prior.stems, model.prior.stems)):
        for name, value in part.state_dict().items():
            assert_close(value, given.state_dict()[name], rtol=0, atol=0)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(head=dict(type='mmdefusion.DistillationHead', embed_dims=24, teacher_dims=32)), 'teacher_dims=64'),
        (dict(prior=dict(**PRIOR, out_channels=24, strides=(8, 16, 32))), 'leave out what is coarser'),
    ],
)
def test_what_does_not_fit_is_refused(config, wrong, message):
    with pytest.raises(ValueError, match=message):
        build({**config, **wrong})


def test_a_checkpoint_of_something_else_is_refused(model):
    with pytest.raises(CheckpointError, match='no stems of a spatial prior'):
        SpatialPrior().load_state_dict({f'teacher.{name}': value for name, value in model.teacher.state_dict().items()})


@pytest.mark.parametrize(
    'other', [dict(form='streams'), dict(widths=(4, 8, 16, 16)), dict(norm_cfg=None), dict(norm_cfg=dict(type='IN'))]
)
def test_stems_of_another_form_are_refused(model, other):
    prior = SpatialPrior(**{**{key: value for key, value in PRIOR.items() if key != 'type'}, **other})
    with pytest.raises(CheckpointError, match='holds other stems|which this spatial prior lacks'):
        prior.load_state_dict(model.state_dict(), strict=False)
    beside = DeFusionPP(SMALL, spatial_prior={**PRIOR, **other})
    whole = {f'backbone.{key}': value for key, value in beside.encoder.state_dict().items()} | model.state_dict()
    with pytest.raises(CheckpointError, match='holds other stems|which this spatial prior lacks'):
        beside.load_state_dict(whole, strict=False)


@pytest.mark.parametrize('form', ['stacked', 'streams'])
def test_a_prior_with_fewer_maps_takes_the_stages_that_it_builds(config, form):
    model = build({**config, 'prior': {**config['prior'], 'form': form}})
    prior = SpatialPrior(24, strides=(4, 8), widths=PRIOR['widths'], form=form)
    prior.load_state_dict(model.state_dict(), strict=False)
    for name, value in prior.stems.state_dict().items():
        assert_close(value, model.prior.stems.state_dict()[name], rtol=0, atol=0)


def test_a_prior_alone_does_not_pass_for_the_whole_backbone(model):
    with pytest.raises(ValueError, match='holds a spatial prior alone'):
        DeFusionPP(SMALL, spatial_prior=PRIOR).load_state_dict(model.state_dict(), strict=False)
