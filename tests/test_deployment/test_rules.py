"""The rules of fusion in NumPy give what those in torch give."""

import numpy as np
import pytest
import torch

from mmdefusion.deployment import sliding_window
from mmdefusion.models.fusers import ResidualDetail, SlidingWindow
from mmdefusion.models.layers.colour import luma as in_torch
from mmdefusion.models.structures import Pair
from mmdefusion.rules.detail import Detail
from mmdefusion.rules.exposures import keep_colours
from mmdefusion.rules.luma import luma, with_luma
from mmdefusion.rules.options import DETAIL_WITH_TARGETS, TASKS

RULES = {task: defaults['detail'] for task, defaults in TASKS.items()} | {'targets': DETAIL_WITH_TARGETS}
SIZES = [(5, 7), (17, 33), (64, 48), (131, 200)]


def picture(size: tuple[int, int], channels: int, seed: int) -> np.ndarray:
    """Smooth shapes with texture on them, H×W×C in [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]] / 16
    coarse = np.sin(y[..., None] + rng.random(channels) * 6) * np.cos(x[..., None] * rng.random(channels))
    return (0.5 + 0.3 * coarse + 0.1 * rng.standard_normal((*size, channels))).clip(0, 1).astype(np.float32)


def to_torch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.atleast_3d(image)).permute(2, 0, 1)


@pytest.mark.parametrize('size', SIZES, ids=str)
@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('numbers', RULES.values(), ids=RULES)
def test_detail(size, channels, numbers):
    numbers = {key: value for key, value in numbers.items() if key != 'type'}
    images = [picture(size, channels, seed) for seed in range(4)]
    images[0] = (images[1] + images[2]) / 2
    fused, a, b, c = map(to_torch, images)
    wanted = ResidualDetail(**numbers)(fused, Pair(a, b), Pair(c, (a + b) / 2))
    alone = images[3], (images[1] + images[2]) / 2
    flat = [image[..., 0] if channels == 1 else image for image in (*images, *alone)]
    found = Detail(**numbers)(flat[0], (flat[1], flat[2]), (flat[4], flat[5]))
    np.testing.assert_allclose(np.atleast_3d(found), wanted.permute(1, 2, 0).numpy(), atol=2e-4)


def test_an_image_fused_with_itself_stays():
    image = picture((50, 70), 1, 0)[..., 0]
    np.testing.assert_allclose(Detail()(image * 0.9, (image, image), (image, image)), image, atol=1e-5)


def test_colour():
    image, brightness = picture((40, 30), 3, 0), picture((40, 30), 1, 1)[..., 0]
    np.testing.assert_allclose(luma(image), in_torch(to_torch(image))[0].numpy(), atol=1e-6)
    wanted = with_luma(to_torch(image), to_torch(brightness)).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(with_luma(image, brightness), wanted, atol=1e-5)


def test_colours_of_exposures():
    fused, short, long = (picture((40, 30), 3, seed) for seed in range(3))
    long = (long * 2).clip(0, 1)
    wanted = keep_colours(to_torch(fused), (to_torch(short), to_torch(long))).permute(1, 2, 0).numpy()
    assert abs(wanted - fused).max() > 0.1
    np.testing.assert_allclose(keep_colours(fused, (short, long)), wanted, atol=1e-5)


@pytest.mark.parametrize('size', [(30, 40), (70, 31), (100, 131)], ids=str)
def test_windows(size):
    a, b = picture(size, 3, 0), picture(size, 3, 1)

    def in_torch(pair: Pair) -> torch.Tensor:
        ramp = torch.arange(pair.a.shape[-1], dtype=torch.float32)  # results depend on the place in the window
        return torch.stack([pair.a * ramp, pair.b + ramp], dim=1)

    def in_numpy(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        found = in_torch(Pair(*(torch.from_numpy(image).permute(0, 3, 1, 2) for image in (one, other))))
        return found.permute(0, 1, 3, 4, 2).numpy()

    wanted = SlidingWindow(48, whole_below=1300, batch_size=2)(in_torch, Pair(to_torch(a), to_torch(b)))
    found = sliding_window.SlidingWindow(48, 48, 1300, 2)(in_numpy, a, b)
    np.testing.assert_allclose(found, wanted.permute(0, 2, 3, 1).numpy(), atol=1e-4)


def test_windows_must_be_patches():
    with pytest.raises(ValueError, match='100x64 must be a multiple of 16'):
        sliding_window.SlidingWindow(64, 100)
    with pytest.raises(ValueError, match='overlap=40 must be at least 1 and at most half of a window'):
        sliding_window.SlidingWindow.square(64, overlap=40)
