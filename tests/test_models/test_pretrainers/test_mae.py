import pytest
import torch
from helpers.pretraining import TEACHER, build
from torch.testing import assert_close

from mmdefusion.models.layers import patchify
from mmdefusion.models.teachers import MAETeacher

CONFIG = dict(
    type='mmdefusion.MAEPretrainer',
    data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
    backbone=dict(type='mmdefusion.MAEEncoder', arch=TEACHER),
    decoder=dict(type='mmdefusion.MAEDecoder', in_dims=48, embed_dims=32, depth=1, num_heads=2),
)


def test_it_learns_and_every_part_of_it_does():
    model = build(CONFIG)
    images = torch.rand(4, 3, 2, 2).repeat_interleave(32, -1).repeat_interleave(32, -2)
    images = images + torch.linspace(0, 0.3, 64)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    history = []
    for _ in range(60):
        loss = model(images, mode='loss')['loss_patches']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert sum(history[-5:]) < 0.5 * sum(history[:5])


def test_only_hidden_patches_count():
    model = build(CONFIG)
    images = torch.rand(1, 3, 64, 64)
    seen = {}
    model.decoder.register_forward_hook(lambda _, args, patches: seen.update(kept=args[1], patches=patches))
    torch.manual_seed(5)
    loss = model.loss(images)['loss_patches']
    target = patchify(model.normalize(images), 16)
    target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6).sqrt()
    hidden = [place for place in range(16) if place not in seen['kept'][0]]
    assert len(hidden) == 12
    assert_close(loss, ((seen['patches'] - target)[:, hidden] ** 2).mean())


def test_one_patch_hides_nothing():
    with pytest.raises(ValueError, match='Images of 16×16 are one patch, and none to predict: train on larger'):
        build(CONFIG).loss(torch.rand(2, 3, 16, 16))
    assert build(CONFIG).loss(torch.rand(2, 3, 16, 32))['loss_patches'].isfinite()


def test_its_checkpoint_is_a_teacher(tmp_path):
    model = build(CONFIG)
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'mae.pth')
    teacher = MAETeacher(str(tmp_path / 'mae.pth'), arch=TEACHER)
    teacher.init_weights()
    images = torch.rand(1, 3, 32, 32)
    assert_close(teacher(model.normalize(images)), model(images))


@pytest.mark.parametrize('mask_ratio', [0.0, 1.0, -0.5])
def test_what_hides_nothing_or_everything_is_refused(mask_ratio):
    with pytest.raises(ValueError, match=f'mask_ratio={mask_ratio} must be a share between 0 and 1'):
        build(CONFIG | dict(mask_ratio=mask_ratio))
