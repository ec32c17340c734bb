import torch

from mmdefusion.models.layers import DropPath, TransformerBlock


def test_epsilon_reaches_both_norms():
    block = TransformerBlock(32, 4, eps=1e-6)
    assert block.norm1.eps == block.norm2.eps == 1e-6


def test_drop_path_drops_whole_samples_and_keeps_the_mean():
    drop = DropPath(0.25)
    dropped = drop(torch.ones(4000, 3, 2))
    per_sample = dropped.flatten(1)
    assert set(per_sample.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert torch.equal(per_sample.amin(1), per_sample.amax(1))
    assert abs(dropped.mean().item() - 1) < 0.05
    assert torch.equal(drop.eval()(torch.ones(3)), torch.ones(3))
