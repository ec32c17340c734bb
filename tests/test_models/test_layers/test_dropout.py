import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.layers.dropout import STEPS, Dropout, sample_kept_values


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32, torch.bfloat16])
def test_values_are_dropped_and_the_mean_stays(dtype):
    torch.manual_seed(0)
    x = torch.ones(401, 999, dtype=dtype, requires_grad=True)
    y = Dropout(0.1)(x)
    y.float().sum().backward()
    assert y.dtype == dtype and y.unique().tolist() == pytest.approx([0, 1 / 0.9], rel=1e-2)
    assert (y == 0).float().mean() == pytest.approx(0.1, abs=0.003)  # six standard deviations
    assert torch.equal(x.grad, y.detach())  # the gradient goes where the value went, scaled alike


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    kept = sample_kept_values(torch.Size((2**20,)), STEPS // 2).float()
    for step in (1, 2, 3, 4, 8):  # four values come out of one random number
        assert abs(torch.corrcoef(torch.stack([kept[:-step], kept[step:]]))[0, 1]) < 0.006


@pytest.mark.parametrize('dropped, kept', [(0, 1.0), (STEPS - 1, 0.0)])
def test_the_ends_of_the_range(dropped, kept):
    assert sample_kept_values(torch.Size((3, 5)), dropped).float().mean() == kept


def test_a_seed_gives_the_same_mask():
    masks = []
    for _ in range(2):
        torch.manual_seed(3)
        masks.append(Dropout(0.5)(torch.ones(7, 3)))
    assert torch.equal(*masks) and not torch.equal(masks[0], Dropout(0.5)(torch.ones(7, 3)))


def test_nothing_is_dropped_in_evaluation_or_with_probability_0():
    x = torch.randn(4, 5)
    assert Dropout(0.5).eval()(x) is x and Dropout(0.0)(x) is x


def test_compiled_networks_take_torchs(monkeypatch):
    monkeypatch.setattr(torch.compiler, 'is_compiling', lambda: True)
    torch.manual_seed(0)
    ours = Dropout(0.3)(torch.ones(50))
    torch.manual_seed(0)
    assert_close(ours, torch.nn.functional.dropout(torch.ones(50), 0.3))


def test_everything_is_dropped_with_probability_1():
    x = torch.ones(5, requires_grad=True)
    Dropout(1.0)(x).sum().backward()
    assert not x.grad.any()
