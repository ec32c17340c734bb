import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate
from torch.testing import assert_close

from mmdefusion.models.layers import PositionEmbedding, sincos_position_embedding


def test_column_in_the_first_half_row_in_the_second():
    embedding = sincos_position_embedding(192).numpy()
    row, column = 5, 11
    omega = 10000.0 ** (-np.arange(48) / 48)
    expected = np.concatenate([f(p * omega) for p in (column, row) for f in (np.sin, np.cos)])
    np.testing.assert_allclose(embedding[1 + row * 14 + column], expected, atol=1e-7)
    assert not embedding[0].any()


def test_the_native_grid_is_not_resampled():
    assert torch.equal(PositionEmbedding(32)((14, 14)), sincos_position_embedding(32))


def test_other_grids_keep_height_and_width_apart():
    embedding = PositionEmbedding(32)
    resized = embedding((3, 20))
    assert resized.shape == (61, 32)
    patches = resized[1:].reshape(3, 20, 32)
    square = sincos_position_embedding(32)[1:].reshape(1, 14, 14, 32).permute(0, 3, 1, 2)
    expected = interpolate(square, size=(3, 20), mode='bicubic', align_corners=False)[0].permute(1, 2, 0)
    assert_close(patches, expected)
    assert patches[0, :, :16].std(0).max() > 0.1  # columns differ along a row ...
    assert patches[0, :, 16:].std(0).max() < 1e-6  # ... and the row's code does not


def test_kept_per_grid_and_forgotten_when_moved():
    embedding = PositionEmbedding(32)
    assert embedding((2, 3)) is embedding((2, 3))
    assert embedding.double()((2, 3)).dtype == torch.float64
    assert not embedding.state_dict()


def test_positions_that_are_loaded_replace_those_that_were_kept():
    embedding, tables = PositionEmbedding(32), torch.randn(2, 1 + 4, 32)
    embedding.take(tables[0])
    before = embedding((3, 5))
    embedding.load_state_dict(dict(base=tables[1]))
    other = PositionEmbedding(32)
    other.take(tables[1])
    assert not torch.equal(embedding((3, 5)), before) and torch.equal(embedding((3, 5)), other((3, 5)))


def test_width_must_be_a_multiple_of_four():
    with pytest.raises(ValueError, match='embed_dims=30'):
        sincos_position_embedding(30)


def test_another_thread_may_clear_what_is_kept():
    """As soon as it is kept: whichever thread finds too much of it clears all."""

    class Cleared(dict):
        def __setitem__(self, key, value):
            self.clear()

    embedding = PositionEmbedding(8)
    embedding._resized = Cleared()
    assert torch.equal(embedding((3, 5)), PositionEmbedding(8)((3, 5)))
