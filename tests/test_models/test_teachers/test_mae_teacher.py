import pytest
import torch
from helpers.pretraining import TEACHER
from torch.testing import assert_close

from mmdefusion.models.backbones import MAEEncoder
from mmdefusion.models.checkpoints.mae import read_mae_encoder
from mmdefusion.models.layers import sincos_position_embedding
from mmdefusion.models.teachers import MAETeacher


@pytest.fixture
def encoder() -> MAEEncoder:
    encoder = MAEEncoder(TEACHER)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter)
    return encoder


def published(encoder: MAEEncoder) -> dict:
    """As facebookresearch/mae stores it, decoder and position embeddings too."""
    extra = {'decoder_pred.weight': torch.zeros(768, 512), 'mask_token': torch.zeros(1, 1, 512)}
    return {'model': {'pos_embed': sincos_position_embedding(48)[None], **extra, **encoder.state_dict()}}


def mmpretrain(encoder: MAEEncoder) -> dict:
    names = (
        ('patch_embed.proj', 'patch_embed.projection'),
        ('mlp.fc1', 'ffn.layers.0.0'),
        ('mlp.fc2', 'ffn.layers.1'),
        ('blocks', 'layers'),
        ('norm1', 'ln1'),
        ('norm2', 'ln2'),
    )
    state = {}
    for key, value in encoder.state_dict().items():
        for ours, theirs in names:
            key = key.replace(ours, theirs)
        state['backbone.' + ('ln1' + key[4:] if key.startswith('norm.') else key)] = value
    return {'state_dict': state | {'neck.decoder_pred.weight': torch.zeros(768, 512)}}


@pytest.mark.parametrize('layout', [published, mmpretrain])
def test_layouts(encoder, layout, tmp_path):
    torch.save(layout(encoder), tmp_path / 'mae.pth')
    teacher = MAETeacher(str(tmp_path / 'mae.pth'), arch=TEACHER)
    teacher.init_weights()
    images = torch.randn(2, 3, 32, 64)
    tokens = teacher(images)
    assert tokens.shape == (2, 9, 48) and not tokens.requires_grad
    assert_close(tokens, encoder(images))


def test_missing_weights_say_how_to_get_them(tmp_path):
    with pytest.raises(ValueError, match='no checkpoint.*mae_pretrain_vit_base.pth.*configs/pretrain/mae_'):
        MAETeacher(arch=TEACHER).init_weights()
    with pytest.raises(FileNotFoundError, match=r'nowhere.pth is not there.*tools/train.py'):
        MAETeacher(str(tmp_path / 'nowhere.pth'), arch=TEACHER).init_weights()


def test_other_weights(encoder, tmp_path):
    torch.save(published(encoder), tmp_path / 'mae.pth')
    with pytest.raises(ValueError, match=r'mae.pth do not fit a teacher of arch=.*embed_dims=192'):
        MAETeacher(str(tmp_path / 'mae.pth'), arch='tiny').init_weights()
    with pytest.raises(ValueError, match='holds no ViT encoder.*conv1.weight'):
        read_mae_encoder({'conv1.weight': torch.zeros(1)}, 'resnet.pth')
    with pytest.raises(ValueError, match='other than the fixed sin-cos'):
        read_mae_encoder(published(encoder)['model'] | {'pos_embed': torch.zeros(1, 197, 48)}, 'tuned.pth')


def test_broken_weights_do_not_teach(encoder, tmp_path):
    encoder.norm.bias.data[0] = float('nan')
    torch.save(published(encoder), tmp_path / 'mae.pth')
    with pytest.raises(ValueError, match="mae.pth: 1 of its tensors have NaN or infinite values.*'norm.bias'"):
        MAETeacher(str(tmp_path / 'mae.pth'), arch=TEACHER).init_weights()
    (tmp_path / 'mae.pth').write_bytes(b'<html>')
    with pytest.raises(ValueError, match='mae.pth is neither a checkpoint'):
        MAETeacher(str(tmp_path / 'mae.pth'), arch=TEACHER).init_weights()
