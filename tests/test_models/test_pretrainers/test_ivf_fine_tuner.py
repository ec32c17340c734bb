import numpy as np
import pytest
import torch
from helpers.pretraining import SMALL, build, cud_config
from torch.testing import assert_close

from mmdefusion.models.fusers import ImageFuser
from mmdefusion.models.layers import luma
from mmdefusion.models.pretrainers.ivf_fine_tuner import wanted_images
from mmdefusion.models.structures import Sensors
from mmdefusion.scenes import SceneGenerator


@pytest.fixture
def config():
    head = dict(type='mmdefusion.ImageHead', embed_dims=32)
    return dict(
        type='mmdefusion.IVFFineTuner',
        data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
        backbone=dict(type='mmdefusion.DeFusionEncoder', arch=SMALL),
        neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=32, common='mean')],
        common_head=head,
        unique_head=head,
        fused_head=head,
        ivf_loss=dict(type='mmdefusion.IVFLoss'),
    )


def scenes(count: int = 2, size: tuple[int, int] = (80, 64)) -> torch.Tensor:
    """Generated pairs B×6×H×W, by night and by day."""
    found = [SceneGenerator(size)(index) for index in range(count)]
    pairs = [np.concatenate([one.visible[..., ::-1], np.repeat(one.infrared[..., None], 3, 2)], 2) for one in found]
    return torch.from_numpy(np.stack(pairs)).permute(0, 3, 1, 2) / 255


def steps(model, pairs, count, lr=2e-3):
    """Trains on the same pairs, and returns the sums of the losses."""
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=lr)
    losses = []
    for _ in range(count):
        loss = sum(model(pairs, mode='loss').values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize('size', [(80, 64), (73, 67)])  # whole patches, and odd
def test_fusion_learns_and_the_rest_stays(config, size):
    model = build(config | dict(alone=0.0, grey=1.0)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    losses = steps(model, scenes(size=size), 12)
    assert losses[-1] < 0.8 * losses[0]
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    prefixes = 'neck.0.deep.fusion.', 'neck.0.skip.fusion.', 'neck.0.mixer.', 'fused_head.'
    assert changed and all(name.startswith(prefixes) for name in changed)
    assert {prefix for prefix in prefixes if any(name.startswith(prefix) for name in changed)} == set(prefixes)


@pytest.mark.parametrize('trained', [('backbone',), ('fused_head', 'neck.0.deep')])
def test_other_parts_can_be_trained(config, trained):
    model = build(config | dict(trained=trained))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    steps(model, scenes(1), 1)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert {next((part for part in trained if name.startswith(f'{part}.')), None) for name in changed} == set(trained)


def test_the_weights_are_those_of_pretraining_and_of_fusers(config):
    pretrained, model = build(cud_config()), build(config)
    missing = model.load_state_dict(pretrained.state_dict(), strict=False).missing_keys
    assert not missing
    del config['ivf_loss']
    fuser = build(config | dict(type='mmdefusion.ImageFuser'))
    assert isinstance(model, ImageFuser) and not fuser.load_state_dict(model.state_dict(), strict=True).missing_keys
    pairs = scenes(1)
    for ours, other in zip(model(pairs), fuser.eval()(pairs), strict=True):
        assert_close(ours, other)


def test_views_lose_colours_and_partners(config):
    visible, infrared = pairs = Sensors(*scenes(2).chunk(2, dim=1))
    model = build(config | dict(grey=0.0, alone=0.0))
    assert all(map(torch.equal, model.sample_views(pairs), pairs))
    model.grey = 1.0
    grey, other = model.sample_views(pairs)
    assert_close(grey, luma(visible).expand_as(visible))
    assert torch.equal(other, infrared)
    model.alone, twice = 1.0, set()
    for _ in range(20):
        a, b = model.sample_views(pairs)
        for one, two, of_grey, of_infrared in zip(a, b, grey, infrared, strict=True):
            assert torch.equal(one, two)
            twice.add('visible' if torch.allclose(one, of_grey) else 'infrared' * torch.equal(one, of_infrared))
    assert twice == {'visible', 'infrared'}


@pytest.mark.parametrize('coloured', [True, False])
def test_wanted_is_the_visible_image_with_a_bright_person(coloured):
    """A person whom only the infrared image shows, before a wall that only the visible image shows."""
    visible = torch.full((1, 3, 96, 128), 0.25)
    visible[:, 0] += 0.1 * coloured
    visible[..., ::8] += 0.05
    infrared = torch.full_like(visible, 0.2)
    infrared[..., 32:72, 56:72] = 0.8
    raised = {}
    for target in ('keep', 'highlight'):
        wanted = wanted_images(Sensors(visible, infrared), target)
        assert (wanted - visible)[..., :24].abs().max() < 0.01  # beside the person it is the visible image
        person = wanted[..., 40:64, 60:68]
        assert_close(person, luma(person).expand_as(person), atol=1e-3, rtol=0)  # and has no colours
        raised[target] = luma(wanted - visible)[..., 40:64, 60:68]
    assert raised['keep'].min() > 0.5
    assert raised['highlight'].mean() > raised['keep'].mean()
    same = wanted_images(Sensors(visible, visible), 'keep')
    assert_close(same, visible, atol=1e-5, rtol=0)


def test_black_borders_are_wanted_from_the_infrared_image():
    visible, infrared = torch.full((1, 3, 64, 96), 0.3), torch.full((1, 3, 64, 96), 0.4)
    visible[..., :20] = 0
    wanted = wanted_images(Sensors(visible, infrared), 'keep')
    assert_close(wanted[..., :16], infrared[..., :16], atol=0.02, rtol=0)
    assert_close(wanted[..., 40:], visible[..., 40:], atol=0.02, rtol=0)


def test_what_is_out_of_range_is_named(config):
    for options, message in (
        (dict(trained=('fuse_head',)), r"trained=\['fuse_head'\]"),
        (dict(target='off'), "target='off' is neither"),
        (dict(alone=1.5), 'alone=1.5 is a share'),
        (dict(grey=-0.1), 'grey=-0.1 is a share'),
    ):
        with pytest.raises(ValueError, match=message):
            build(config | options)
