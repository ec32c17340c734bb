"""Low precision, extreme pictures, repeated runs, order and size of batches, threads."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from helpers.everyday_model import build
from helpers.pretraining import build as build_pretrainer
from helpers.pretraining import cud_config
from torch.testing import assert_close

PYRAMIDS = ['SimpleFeaturePyramid', 'FusedPyramid', 'GuidedPyramid']
LARGEST = 1000.0  # what PairNormalizer lets through
BLACK, WHITE = -2.1, 2.7  # normalised, the darkest and the brightest value of any channel


def extreme(kind: str) -> torch.Tensor:
    """1×6×40×56 pair of black, white, or both checkered; an infrared image that is all black."""
    pair = torch.full((1, 6, 40, 56), WHITE if kind == 'white' else BLACK)
    if kind == 'checkered':
        pair[..., ::2, 1::2] = pair[..., 1::2, ::2] = WHITE
    if kind == 'one black':
        pair[:, :3] = torch.randn(1, 3, 40, 56)
    return pair


@pytest.mark.parametrize('kind', ['black', 'white', 'checkered', 'one black'])
@pytest.mark.parametrize('pyramid', PYRAMIDS)
def test_extreme_pictures_have_finite_gradients(pyramid, kind):
    model = build(pyramid).train()
    maps = model(extreme(kind))
    assert all(level.isfinite().all() for level in maps)
    sum(level.sin().mean() for level in maps).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize('dtype', [None, torch.bfloat16, torch.float16])
@pytest.mark.parametrize('kind', ['noise', 'constant', 'one pixel'])
@pytest.mark.parametrize('pyramid', PYRAMIDS)
def test_huge_pixels_have_finite_gradients(pyramid, kind, dtype):
    model, pair = build(pyramid).train(), torch.randn(1, 6, 40, 56)
    if kind == 'noise':
        pair = pair.sign() * LARGEST
    elif kind == 'constant':
        pair[:] = LARGEST
    else:
        pair[0, 2, 5, 7] = LARGEST
    with torch.autocast('cpu', dtype=dtype or torch.bfloat16, enabled=dtype is not None):
        maps = model(pair)
    assert all(level.isfinite().all() for level in maps)
    sum(level.float().sin().mean() for level in maps).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def train(dtype: torch.dtype | None, steps: int = 20) -> list[float]:
    """Losses of a short pretraining on one batch, with the gradients scaled as in training with float16."""
    torch.manual_seed(0)
    model = build_pretrainer(cud_config()).train()
    images = torch.rand(2, 3, 48, 64)
    optimizer, losses = torch.optim.Adam(model.parameters(), 4e-4), []
    for _ in range(steps):
        with torch.autocast('cpu', dtype=dtype or torch.bfloat16, enabled=dtype is not None):
            loss = sum(model(images, mode='loss').values())
        optimizer.zero_grad()
        (loss * 8).backward()
        for parameter in model.parameters():
            parameter.grad /= 8
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 20, error_if_nonfinite=True)
        assert norm > 0
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_low_precision_learns(dtype):
    losses = train(dtype)
    assert torch.tensor(losses).isfinite().all() and sum(losses[-5:]) < sum(losses[:5])


def test_two_runs_are_identical():
    assert train(None, steps=5) == train(None, steps=5)


@pytest.mark.parametrize('pyramid', PYRAMIDS)
def test_batch_size_and_order_do_not_matter(pyramid):
    model, pairs = build(pyramid).eval(), torch.randn(5, 6, 40, 56)
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        together, shuffled = model(pairs), model(pairs[order])
        alone = zip(*(model(pair[None]) for pair in pairs), strict=True)
        for level, other, single in zip(together, shuffled, alone, strict=True):
            assert_close(level, torch.cat(single), atol=1e-5, rtol=0)
            assert_close(level[order], other, atol=1e-5, rtol=0)


@pytest.mark.parametrize('pyramid', PYRAMIDS)
def test_eight_threads_see_what_one_sees(pyramid):
    """Sizes differ, so that the threads meet in what is kept of positions."""
    model = build(pyramid).eval()
    pairs = [torch.randn(1, 6, 24 + 16 * (k % 9), 40 + 16 * (k % 7)) for k in range(80)]

    def run(pair: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with torch.inference_mode():
            return model(pair)

    with ThreadPoolExecutor(8) as pool:
        by_eight = list(pool.map(run, pairs))
    for pair, maps in zip(pairs, by_eight, strict=True):
        for ours, theirs in zip(maps, run(pair), strict=True):
            assert torch.equal(ours, theirs)
