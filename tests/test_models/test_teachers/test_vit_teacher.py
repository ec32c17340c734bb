import pytest
import torch
from helpers.pretraining import SMALL
from torch.nn.functional import interpolate, layer_norm
from torch.testing import assert_close

from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.teachers import CachedTeacher, ViTTeacher


@pytest.fixture
def public(tmp_path):
    """A ViT under timm's names, with learned positions of a grid of 3×3."""
    encoder = DeFusionEncoder(SMALL)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    state = {name: value for name, value in encoder.state_dict().items() if 'skip_norm' not in name}
    state['pos_embed'] = torch.randn(1, 10, 32)
    torch.save(state, tmp_path / 'vit.pth')
    return str(tmp_path / 'vit.pth')


def test_tokens_are_those_of_the_block_each_normalised(public):
    teacher = ViTTeacher(public, SMALL, layer=2)
    teacher.init_weights()
    whole = DeFusionEncoder(SMALL, init_cfg=dict(type='Pretrained', checkpoint=public)).eval()
    whole.init_weights()
    images = torch.randn(2, 3, 32, 64)
    assert_close(teacher(images), layer_norm(whole.encode(images)[0][2], (32,)))
    assert len(teacher.encoder.blocks) == 2
    last = ViTTeacher(public, SMALL)
    last.init_weights()
    assert_close(last(images), layer_norm(whole.encode(images)[0][3], (32,)))


def test_one_of_a_hub_has_its_positions_before_its_weights(public, monkeypatch):
    """EMAHook copies a model before they are loaded, and cannot average other shapes."""
    read = ViTTeacher._read
    monkeypatch.setattr(ViTTeacher, '_read', staticmethod(lambda _: read(public)))
    teacher = ViTTeacher('hf://owner/repo/vit.pth', SMALL)
    before = [tensor.shape for tensor in (*teacher.parameters(), *teacher.buffers())]
    teacher.init_weights()
    assert [tensor.shape for tensor in (*teacher.parameters(), *teacher.buffers())] == before


def test_a_file_that_is_not_there_yet():
    assert ViTTeacher('nowhere.pth', SMALL).encoder.arch.depth == SMALL['depth']
    with pytest.raises(FileNotFoundError):
        ViTTeacher('nowhere.pth')


def test_never_trained_and_never_stored(public):
    teacher = ViTTeacher(public, SMALL, layer=2)
    teacher.init_weights()
    teacher.train()
    assert not teacher.training and not teacher.encoder.training and not teacher.state_dict()
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_finer_tokens_are_those_of_enlarged_images(public):
    coarse, fine = (ViTTeacher(public, SMALL, layer=2, scale=scale) for scale in (1, 2))
    for teacher in (coarse, fine):
        teacher.init_weights()
    images = torch.randn(2, 3, 32, 48)
    assert fine(images).shape == (2, 1 + 4 * 6, 32)
    assert_close(fine(images), coarse(interpolate(images, size=(64, 96), mode='bicubic')))


@pytest.mark.parametrize('others', [(dict(layer=1), dict(layer=2)), (dict(layer=2), dict(layer=2, scale=2))])
def test_each_teacher_has_answers_of_its_own_in_the_cache(public, tmp_path, others):
    images = torch.randn(1, 3, 32, 32)
    answers = []
    for options in others:
        config = dict(type='mmdefusion.ViTTeacher', checkpoint=public, arch=SMALL, **options)
        cached = CachedTeacher(config, folder=str(tmp_path / 'cache'))
        cached.init_weights()
        answers.append(cached(images)[:, :5])
    assert not torch.allclose(*answers, atol=0.1)


def test_what_cannot_teach_is_refused(public, tmp_path):
    with pytest.raises(ValueError, match='layer=4 of the teacher is out of range'):
        ViTTeacher(public, SMALL, layer=4)
    with pytest.raises(ValueError, match='scale=0 of the teacher'):
        ViTTeacher(public, SMALL, scale=0)
    late = ViTTeacher(str(tmp_path / 'later.pth'), SMALL)  # a config builds before its files are there
    with pytest.raises(FileNotFoundError, match='later.pth'):
        late.init_weights()
    torch.save(DeFusionEncoder(SMALL).state_dict(), tmp_path / 'ours.pth')
    with pytest.raises(ValueError, match='no public ViT'):
        ViTTeacher(str(tmp_path / 'ours.pth'), SMALL).init_weights()
