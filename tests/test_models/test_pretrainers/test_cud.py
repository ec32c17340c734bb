import pytest
import torch
from helpers.pretraining import build, cud_config
from mmengine.structures import BaseDataElement
from torch.testing import assert_close

from mmdefusion.models.structures import Pair
from mmdefusion.registry import MODELS


def test_losses_are_those_of_the_config():
    model = build(cud_config())
    losses = model(torch.rand(2, 3, 48, 32), mode='loss')
    assert list(losses) == [
        'loss_common',
        'loss_unique_a',
        'loss_unique_b',
        'loss_mfm',
        'loss_fused',
        'loss_fused_ssim',
    ]
    sum(losses.values()).backward()
    idle = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert not idle


def test_it_learns():
    torch.manual_seed(0)
    model = build(cud_config(view_generator=dict(type='mmdefusion.MaskedViews', whole=1.0)))
    images = torch.rand(4, 3, 4, 4).repeat_interleave(12, -1).repeat_interleave(8, -2)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    history = []
    for _ in range(40):
        loss = sum(model(images, mode='loss').values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert sum(history[-5:]) < 0.7 * sum(history[:5])


def test_mfm_sees_only_what_is_kept():
    model = build(cud_config()).eval()
    views = Pair(*torch.rand(2, 1, 3, 64, 64))
    kept = torch.tensor([[0, 5, 10, 15]])
    _, before = model.reconstruct(views, 'ab', kept)
    model.neck[0].deep.decompose = lambda *args, run=model.neck[0].deep.decompose: noisy(run(*args), kept)
    _, after = model.reconstruct(views, 'ab', kept)
    assert_close(after, before)


def noisy(parts, kept):
    """Change every token that is not kept."""
    changed = type(parts)(*(torch.randn_like(tokens) for tokens in parts))
    for tokens, old in zip(changed, parts, strict=True):
        tokens[:, 0] = old[:, 0]
        tokens[:, 1 + kept[0]] = old[:, 1 + kept[0]]
    return changed


def test_prediction_is_the_same_every_time_and_of_the_images_size():
    model = build(cud_config()).eval()
    images = torch.rand(2, 3, 50, 37)
    samples = [BaseDataElement(metainfo=dict(img_path=name)) for name in 'ab']
    first, second = (model(images, samples, mode='predict')[1].clone() for _ in range(2))
    assert_close(first.from_views, second.from_views)
    assert first.from_identical.shape == first.from_views.shape == (3, 50, 37)
    assert_close(first.target, images[1])
    alone = [BaseDataElement(metainfo=dict(img_path='elsewhere/b'))]  # whatever else is in the batch, wherever it lies
    assert_close(model(images[1:], alone, mode='predict')[0].from_views, first.from_views, atol=1e-5, rtol=1e-5)
    other = [BaseDataElement(metainfo=dict(img_path=name)) for name in 'cd']
    assert not torch.allclose(model(images, other, mode='predict')[1].from_views, second.from_views)


def test_a_pretrained_checkpoint_fits_a_detector_s_backbone_and_neck(tmp_path):
    model = build(cud_config())
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'cud.pth')
    encoder = MODELS.build(
        cud_config()['backbone']
        | dict(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'cud.pth'), prefix='backbone.'))
    )
    encoder.init_weights()
    assert_close(encoder.blocks[1].mlp.fc1.weight, model.backbone.blocks[1].mlp.fc1.weight)
    neck = MODELS.build(cud_config()['neck'])
    state = {key.removeprefix('neck.'): value for key, value in model.state_dict().items() if key.startswith('neck.')}
    neck.load_state_dict(state)


@pytest.mark.soak
def test_bfloat16_and_checkpointing_and_compilation():
    config = cud_config()
    config['backbone']['with_cp'] = True
    model = build(config)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = sum(model(torch.rand(2, 3, 32, 32), mode='loss').values())
    assert loss.dtype == torch.float32
    loss.backward()
    compiled = torch.compile(build(cud_config()), backend='aot_eager')
    assert sum(compiled(torch.rand(2, 3, 32, 32), mode='loss').values()).isfinite()
