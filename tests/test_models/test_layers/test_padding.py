import pytest
import torch
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from mmdefusion.models.layers import Content, mark_padding
from mmdefusion.models.layers.padding import mirror_edges, repeat_edges

SIZES = [(50, 70), (96, 40), (33, 90)]


def batch(sizes=SIZES, size=(96, 96)) -> torch.Tensor:
    images = torch.zeros(len(sizes), 6, *size)
    for image, (height, width) in zip(images, sizes, strict=True):
        image[:, :height, :width] = torch.randn(6, height, width)
    mark_padding(images, sizes)
    return images


def test_the_mark_is_found_and_equals_zero():
    images = batch()
    assert Content.of(images) == ((96, 96), tuple(SIZES))
    assert (images[0, :, 50:] == 0).all() and (images[0, :, :, 70:] == 0).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_the_mark_outlives_casts_and_crops(dtype):
    window = batch()[:, :, 20:, 30:].to(dtype)
    assert Content.of(window).sizes == ((30, 40), (76, 10), (13, 60))
    # a window with nothing but padding is taken for a picture: nobody reads its result
    assert Content.of(window[:1, :, 32:]).sizes is None


@pytest.mark.parametrize('value', [0.0, -1.0, 2.0])
def test_what_is_not_marked_is_picture(value):
    images = torch.full((2, 6, 32, 48), value)
    content = Content.of(images)
    assert content.sizes is None and content.token_mask((2, 3), images.device) is None
    assert content.without_padding(images) is images and content.fit(images, 1).shape == images.shape


def test_pictures_repeat_their_last_pixels():
    images = batch([(5, 7), (4, 3)], (8, 8))
    pictures = Content.of(images).without_padding(images)
    assert pictures.shape == (2, 6, 5, 7)
    assert_close(pictures[1, :, 4], pictures[1, :, 3])
    assert_close(pictures[1, :, :, 3:], pictures[1, :, :, 2:3].expand(-1, -1, 4))


@pytest.mark.parametrize('treat', [repeat_edges, mirror_edges])
def test_padding_is_filled_and_its_gradient_comes_back(treat):
    sizes, size = [(5, 7), (4, 3), (6, 2)], (6, 8)

    def index(place: int, count: int) -> int:
        if treat is repeat_edges:
            return min(place, count - 1)
        return min(place % (2 * count), 2 * count - 1 - place % (2 * count))

    maps = torch.randn(3, 2, *size, dtype=torch.double, requires_grad=True)
    weights = torch.randn(3, 2, *size, dtype=torch.double)
    found, expected, gradient = treat(maps, sizes), torch.empty_like(maps), torch.zeros_like(maps)
    for one, (height, width) in enumerate(sizes):
        for y in range(size[0]):
            for x in range(size[1]):
                here = one, slice(None), index(y, height), index(x, width)
                expected[one, :, y, x] = maps.detach()[here]
                gradient[here] += weights[one, :, y, x]
    assert torch.equal(found, expected)
    (found * weights).sum().backward()
    assert_close(maps.grad, gradient)


def test_the_gradient_of_filled_padding_needs_no_sort():
    """On GPUs adding up what several places were read from sorts all numbers first, if it is done by an index."""
    seen = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(function.overloadpacket.__name__)
            return function(*args, **(kwargs or {}))

    maps = torch.randn(2, 3, 8, 8, requires_grad=True)
    with Watch():
        mirror_edges(maps, [(8, 5), (4, 8)]).sum().backward()
    assert 'scatter_add' in seen and not [name for name in seen if 'index_put' in name]


def test_masks_of_tokens_and_maps():
    content = Content((64, 64), ((20, 40), (33, 16)))
    mask = content.token_mask((3, 3), torch.device('cpu'))
    assert mask.tolist() == [[True] + [True] * 6 + [False] * 3, [True] + [True, False, False] * 3]
    isolated = content.isolate(torch.ones(2, 1, 6, 6), 8)  # whole patches: two cells each
    assert isolated.sum((1, 2, 3)).tolist() == [4 * 6, 6 * 2]
    fitted = content.fit(torch.arange(72.0).view(2, 1, 6, 6), 8)  # 3x5 and 5x2 cells are of a picture
    assert fitted.shape == (2, 1, 8, 8)
    assert (
        fitted[0, 0, :, 7].tolist() == [2, 8, 14, 14, 8, 2, 2, 8] and fitted[1, 0, 7].tolist() == [48, 49, 49, 48] * 2
    )
