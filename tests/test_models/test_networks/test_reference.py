import pytest
import torch
from helpers.untrained_fuser import build_fuser
from torch.testing import assert_close

from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.unwrap import unwrap
from mmdefusion.models.networks.reference import from_reference, to_reference


def test_there_and_back(reference):
    reference = reference | {'model_encoder1.cls_token': torch.ones(1, 1, 768)}
    converted = from_reference(reference)
    assert_close(to_reference(*converted), reference, rtol=0, atol=0)


def test_our_weights_alone_become_a_complete_reference_checkpoint(reference):
    ours = build_fuser('tiny')
    written = to_reference(ours.state_dict())
    optional = ('conv1x1', 'mask_token', 'mim_decoder', 'decoder_pos', 'latent_predict', 'mm_unique_norm')
    assert set(reference) - set(written) == {name for name in reference if name.startswith(optional)}
    assert_close(from_reference(written).state_dict, dict(ours.state_dict()))


def test_what_the_reference_has_no_place_for_is_not_left_out_in_silence():
    ours = build_fuser('tiny')
    ours.backbone.position_embedding.take(torch.randn(197, 192))  # as an encoder that began as a public ViT
    state = {**ours.state_dict(), 'backbone.register_tokens': torch.ones(1, 4, 192)}
    with pytest.raises(CheckpointError) as caught:
        to_reference(state)
    assert 'unexpected: backbone.position_embedding.base, backbone.register_tokens.' in str(caught.value)


def test_low_rank_updates_are_merged():
    ours = build_fuser('tiny').state_dict()
    name = 'backbone.blocks.0.attn.qkv.'
    up, down = torch.randn(576, 4), torch.randn(4, 192)
    written = to_reference({**ours, f'{name}low_rank_up': up, f'{name}low_rank_down': down})
    assert_close(written['encoder.blocks.0.attn.qkv.weight'], ours[f'{name}weight'] + up @ down)
    assert written.keys() == to_reference(ours).keys()


def test_heads_of_pretraining_are_whole_or_absent(reference):
    reference = dict(reference)
    converted = from_reference(reference).state_dict
    assert_close(converted['mfm_head.mask_token'], reference['mask_token'])
    assert_close(converted['teacher_head.norm_visible.weight'], reference['mm_unique_norm2.weight'])
    del reference['mim_decoder_norm.bias']
    with pytest.raises(ValueError, match='missing: mim_decoder_norm.bias'):
        from_reference(reference)
    from_reference({name: value for name, value in reference.items() if not name.startswith(('mask', 'mim_'))})


@pytest.mark.parametrize('key', ['state_dict', 'model'])
def test_wrapped_and_prefixed(reference, key):
    wrapped = {key: {f'module.{name}': value for name, value in reference.items()}, 'epoch': 3}
    assert_close(from_reference(wrapped).state_dict, from_reference(reference).state_dict)


def test_every_wrong_key_is_named(reference):
    broken = dict(reference)
    del broken['enc_norm2.bias'], broken['decoder_fuse_skipconn.norm1.weight']
    broken['decoder_extra.weight'] = torch.zeros(2)
    broken['decode_common_skipconn.linear1.weight'] = torch.zeros(3, 4)
    with pytest.raises(ValueError) as error:
        from_reference(broken)
    message = str(error.value)
    assert 'missing: decoder_fuse_skipconn.norm1.weight, enc_norm2.bias' in message
    assert 'unexpected: decoder_extra.weight' in message
    assert 'misshapen: decode_common_skipconn.linear1.weight (3, 4) instead of (768, 192)' in message


def test_another_position_embedding_is_another_model(reference):
    with pytest.raises(ValueError, match=r'encoder.pos_embed \(1, 197, 192\) is not the fixed sin-cos'):
        from_reference(reference | {'encoder.pos_embed': torch.zeros(1, 197, 192)})


def test_an_encoder_alone(reference):
    encoder = {name[len('encoder.') :]: value for name, value in reference.items() if name.startswith('encoder.')}
    converted = from_reference({'model': encoder | {'head.weight': torch.zeros(1000, 192)}})
    assert all(name.startswith('backbone.') for name in converted.state_dict)
    assert_close(converted.state_dict['backbone.blocks.3.mlp.fc1.bias'], reference['encoder.blocks.3.mlp.fc1.bias'])
    del encoder['blocks.4.attn.proj.bias']
    with pytest.raises(ValueError, match='missing: encoder.blocks.4.attn.proj.bias'):
        from_reference(encoder)


def test_the_detector_s_projection_is_checked_too(reference):
    broken = reference | {'conv1x1.1.weight': torch.zeros(5, 7), 'conv1x1.9.foo': torch.zeros(1)}
    del broken['conv1x1.0.bias']
    with pytest.raises(ValueError) as error:
        from_reference(broken)
    message = str(error.value)
    assert 'missing: conv1x1.0.bias' in message and 'unexpected: conv1x1.9.foo' in message
    assert 'conv1x1.1.weight (5, 7) instead of (5, 192)' in message


def test_the_way_back_names_every_foreign_key(reference):
    with pytest.raises(ValueError, match='hold no backbone.cls_token'):
        to_reference(reference)
    ours = dict(build_fuser('tiny').state_dict()) | {'rpn_head.x': torch.zeros(1), 'roi_head.y': torch.zeros(1)}
    with pytest.raises(ValueError, match='unexpected: roi_head.y, rpn_head.x'):
        to_reference(ours)


def test_something_else_entirely():
    with pytest.raises(ValueError, match='holds no tensors'):
        unwrap({'epoch': 1})
    with pytest.raises(ValueError, match=r'no encoder.patch_embed.proj.weight.*conv1.weight'):
        from_reference({'conv1.weight': torch.zeros(1)})
