"""The filters for arrays and for tensors do the same, and so do the rules made of them."""

from itertools import product

import cv2
import numpy as np
import pytest
import torch

from mmdefusion.models.fusers.filters import pooled_largest, pooled_mean
from mmdefusion.rules import filters
from mmdefusion.rules.daylight import draw_in_glare, fill_borders, find_sky
from mmdefusion.rules.detail import Detail
from mmdefusion.rules.hot_places import find_hot
from mmdefusion.rules.memory import FrameMemory
from mmdefusion.rules.targets import show_targets
from mmdefusion.scenes import SceneGenerator

SIZES = [(1, 1), (3, 4), (17, 33), (96, 131)]
OF_MAPS = {
    'median': (),
    'blur': (2,),
    'every_second': (),
    'box_mean': (3,),
    'largest': (4, 2),
    'shrink_by': (4,),
    'with_border': (3,),
    'sigmoid': (),
}


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image)[None] if image.ndim == 2 else torch.from_numpy(image).permute(2, 0, 1)


def close(array: np.ndarray, wanted: torch.Tensor, atol: float = 1e-5) -> None:
    assert np.asarray(array).dtype == np.float32
    np.testing.assert_allclose(array, np.squeeze(wanted.numpy(), 0) if wanted.ndim else wanted.numpy(), atol=atol)


@pytest.mark.parametrize('name', OF_MAPS)
@pytest.mark.parametrize('size', SIZES, ids=str)
def test_filters(name, size):
    image, apply = np.random.default_rng(0).random(size, np.float32), getattr(filters, name)
    close(apply(image, *OF_MAPS[name]), apply(tensor(image), *OF_MAPS[name]))


@pytest.mark.parametrize('size', SIZES, ids=str)
def test_what_opencv_does_on_a_cpu_is_what_other_devices_do(size):
    image = np.random.default_rng(0).random(size, np.float32)
    for radius in (1, 16):
        close(filters.box_mean(image, radius), pooled_mean(tensor(image), radius))
        close(filters.largest(image, radius, 2), pooled_largest(tensor(image), radius, 2))


def test_fewer_pixels_of_colours():
    image = np.random.default_rng(0).random((70, 51, 3), np.float32)
    reduced = filters.reduce_to(image, 1000)
    assert abs(reduced[..., 0].size - 1000) < 40 and filters.reduce_to(image, 70 * 51) is image
    wanted = filters.reduce_to(tensor(image), 1000)
    np.testing.assert_allclose(reduced, wanted.permute(1, 2, 0).numpy(), atol=1e-5)


@pytest.mark.parametrize('sizes', product(SIZES, SIZES[1:]), ids=str)
def test_resizing(sizes):
    image, like = (np.random.default_rng(k).random(size, np.float32) for k, size in enumerate(sizes))
    close(filters.resize_to(image, like), filters.resize_to(tensor(image), tensor(like)))
    if sizes[0] <= sizes[1]:
        close(filters.grow_to(image, like), filters.grow_to(tensor(image), tensor(like)))


def scene(index: int, size: tuple[int, int], kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Brightness of a generated scene in [0, 1]: scene 0 by night, with a glare around its person; 3 by day."""
    drawn = SceneGenerator(size, night_share=float(index == 0))(index)
    visible = cv2.cvtColor(drawn.visible, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    infrared = drawn.infrared.astype(np.float32) / 255
    if kind == 'glare':
        height, width = visible.shape
        visible[height // 3 :, width // 4 : -width // 4] = 1.0
    elif kind == 'borders':
        visible[:12] = visible[:, -20:] = 0.0
    return visible, infrared


@pytest.mark.parametrize('target', ['keep', 'highlight'])
@pytest.mark.parametrize('kind', ['plain', 'glare', 'borders'])
@pytest.mark.parametrize(('index', 'size'), [(0, (160, 128)), (3, (201, 133)), (3, (71, 65))])
def test_people_and_skies(index, size, kind, target):
    visible, infrared = scene(index, size, kind)
    seen = draw_in_glare(fill_borders(visible, infrared), infrared)
    seen_by_torch = draw_in_glare(fill_borders(tensor(visible), tensor(infrared)), tensor(infrared))
    close(seen, seen_by_torch)
    assert (seen == visible).all() == (kind == 'plain' or (kind == 'glare' and index == 3))
    sky = find_sky(seen)
    close(sky, find_sky(seen_by_torch), 1e-4)
    close(find_hot(infrared, sky).weight, find_hot(tensor(infrared), find_sky(seen_by_torch)).weight, 1e-3)
    fused = (visible + infrared) / 2
    image = np.stack([visible, visible * 0.8, np.roll(visible, 3, 1)], axis=2)
    found = show_targets(fused, (seen, infrared), image, target)
    wanted = show_targets(tensor(fused), (seen_by_torch, tensor(infrared)), tensor(image), target)
    for array, other in zip(found, wanted, strict=True):
        close(array, other, 1e-3)
    assert found[1].max() > (0.5 if index == 0 else 0.01)  # by day the visible image shows most of it


def test_weights_of_the_frames_of_a_video():
    memory, in_torch = FrameMemory(), FrameMemory()
    for index in (0, 1):
        a, b = scene(3, (96, 80), 'plain')
        a, b = np.roll(a, index, 1), np.roll(b, index, 1)
        fused = (a + b) / 2
        array = Detail()(fused, (a, b), (a * 0.8, b * 0.9), True, memory)
        a, b, fused = map(tensor, (a, b, fused))
        close(array, Detail()(fused, (a, b), (a * 0.8, b * 0.9), True, in_torch), 2e-4)
