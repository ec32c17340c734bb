import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.layers import DecompositionBlock


def test_common_asks_with_its_key_and_unique_does_not():
    """With the values of s fixed, the key's source decides whether a change of s moves the attention."""
    s, t = torch.randn(2, 1, 4, 32)
    for kind, source in (('common', t), ('unique', s)):
        block = DecompositionBlock(32, kind).eval()
        keys = block.key(source)
        attended = block.attn(block.query(t), keys, block.value(s))
        y = block.norm1(t + attended)
        assert_close(block(s, t), block.norm2(y + block.linear2(block.linear1(y).relu())))


@pytest.mark.parametrize('kind', ['common', 'unique'])
def test_two_maps_in_a_row_are_applied_as_one(kind):
    block = DecompositionBlock(32, kind).double().eval()
    s, t = torch.randn(2, 3, 2 * 32, 32, dtype=torch.double)  # enough tokens for it
    keys = block.key(t if kind == 'common' else s)
    y = block.norm1(t + block.attn(block.query(t), keys, block.value(s)))
    assert_close(block(s, t), block.norm2(y + block.linear2(block.linear1(y).relu())))


@pytest.mark.parametrize('tokens', [4, 64])
def test_one_source_for_several_targets(tokens):
    block = DecompositionBlock(32, 'unique').double().eval()
    s, t, other = torch.randn(3, 2, tokens, 32, dtype=torch.double)
    assert_close(block(s, torch.cat([t, other])), torch.cat([block(s, t), block(s, other)]))


def test_dropout_acts_in_training_only():
    block = DecompositionBlock(32, 'common')
    s, t = torch.randn(2, 1, 4, 32)
    assert not torch.equal(block(s, t), block(s, t))
    block.eval()
    assert torch.equal(block(s, t), block(s, t))


def test_other_kinds_are_refused():
    with pytest.raises(ValueError, match="kind='shared'.*'common' or 'unique'"):
        DecompositionBlock(32, 'shared')
