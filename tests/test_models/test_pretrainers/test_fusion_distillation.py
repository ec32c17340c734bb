import pytest
import torch
from helpers.pretraining import SMALL, build, fusion_distiller_config, train

from mmdefusion.models.defusion_pp import DeFusionPP


@pytest.fixture
def config():
    return fusion_distiller_config()


def test_fused_tokens_learn_to_keep_both_images_and_the_encoder_stays(config):
    model = build(config)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    pairs = torch.rand(4, 6, 48, 48)
    losses = train(model, [pairs], steps=60, lr=3e-3)
    assert list(losses) == ['loss_a', 'loss_b'] and all(last < 0.7 * first for first, last in losses.values())
    same = {name for name, value in model.state_dict().items() if torch.equal(value, before[name])}
    assert {name for name in before if name.startswith('backbone.')} <= same
    assert not any(name.startswith('neck.') and 'residual' in name for name in same)
    assert model(pairs).shape == (4, 10, 32)


def test_an_image_alone_is_paired_with_its_grey_values(config):
    model = build(config).eval()
    image = torch.rand(1, 3, 48, 32)
    grey = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1).mul(image).sum(1, keepdim=True).expand(-1, 3, -1, -1)
    torch.testing.assert_close(model(image), model(torch.cat([image, grey], dim=1)))
    assert set(model(image, mode='loss')) == {'loss_a', 'loss_b'}


def test_the_backbone_of_a_detector_reads_the_weights(config):
    model = build(config)
    torch.manual_seed(1)
    backbone = DeFusionPP(SMALL)
    backbone.load_state_dict(model.state_dict(), strict=False)
    pairs = torch.rand(2, 6, 48, 48)
    fused = backbone.eval().decomposition(backbone.encoder(model.normalize(pairs))).fused
    torch.testing.assert_close(fused, model.eval()(pairs))
