import pytest
import torch
from helpers.pretraining import TEACHER, build, mcud_config
from torch.testing import assert_close

from mmdefusion.models.backbones import MAEEncoder
from mmdefusion.models.structures import Sensors


@pytest.fixture
def checkpoint(tmp_path) -> str:
    path = tmp_path / 'teacher.pth'
    torch.manual_seed(3)
    torch.save(MAEEncoder(TEACHER).state_dict(), path)
    return str(path)


def test_images_and_pairs_have_losses_of_their_own(checkpoint):
    model = build(mcud_config(checkpoint))
    model.init_weights()
    assert 'loss_fused' in model(torch.rand(2, 3, 32, 32), mode='loss')
    losses = model(torch.rand(2, 6, 32, 32), mode='loss')
    assert list(losses) == ['loss_infrared_teacher', 'loss_visible_teacher', 'loss_common_orders']
    sum(losses.values()).backward()
    assert model.teacher_head.proj_infrared.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in model.infrared_teacher.parameters())


def test_the_infrared_teacher_sees_the_infrared_image(checkpoint):
    model = build(mcud_config(checkpoint)).eval()
    model.init_weights()
    pairs = torch.rand(1, 6, 32, 32)
    pair = Sensors(*pairs.chunk(2, 1))
    visible, infrared = map(model.normalize, pair)
    seen = model.teach(pair)
    expected, common = model.predict_teachers(pair)
    losses = model(pairs, mode='loss')
    assert_close(losses['loss_infrared_teacher'], (expected.infrared - model.infrared_teacher(infrared)).abs().mean())
    assert_close(seen.visible, model.visible_teacher(visible))
    assert_close(
        common.visible.mean(-1), torch.zeros_like(common.visible[..., 0]), atol=1e-5, rtol=0
    )  # LN without affine


def test_teachers_stay_out_of_checkpoints_and_keep_their_weights(checkpoint):
    model = build(mcud_config(checkpoint))
    model.init_weights()
    before = model.infrared_teacher.encoder.norm.weight.clone()
    state = model.state_dict()
    assert not [name for name in state if 'teacher' in name and not name.startswith('teacher_head')]
    assert not model.load_state_dict(state).missing_keys
    assert_close(model.infrared_teacher.encoder.norm.weight, before)
    del state['backbone.cls_token']
    assert model.load_state_dict(state, strict=False).missing_keys == ['backbone.cls_token']
    model.train()
    assert not model.infrared_teacher.encoder.training


def test_a_teacher_of_another_width(checkpoint):
    head = dict(type='mmdefusion.TeacherPredictionHead', embed_dims=32, teacher_dims=768)
    with pytest.raises(ValueError, match='width 48, teacher_head predicts 768.*teacher_dims=48'):
        build(mcud_config(checkpoint, teacher_head=head))
