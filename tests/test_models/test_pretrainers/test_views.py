import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.pretrainers.views import COARSE, FINE, FULL_SIZE, MaskedViews, brightness, contrast, saturation


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(batch=64, size=(224, 224), seed=0, **options):
    return MaskedViews(**options)(torch.rand(batch, 3, *size, generator=generator(1)), generator(seed), jitter=False)


def test_every_pixel_is_seen_and_targets_share_it_out():
    views = draw()
    a, b = views.seen
    assert set(a.unique().tolist()) == set(b.unique().tolist()) == {0.0, 1.0}
    assert (a + b).min() == 1
    assert_close(views.common + views.unique.a + views.unique.b, views.image)
    assert_close(views.views.a * a, views.image * a)


@pytest.mark.parametrize('p', [0.3, 0.6, 0.9])
def test_coverage_follows_p(p):
    """Of one view: both its grids show the pixel, or neither view's do and the filler gives it to this one."""
    views = draw(batch=256, coverage=(p, p))
    hole = (1 - p * p) ** 2
    assert_close(views.seen.a.mean().item(), p * p + hole / 2, atol=0.02, rtol=0)  # order is random: half the holes
    assert_close(views.common.count_nonzero().item() / views.image.numel(), p**4, atol=0.02, rtol=0)


def test_default_coverage_is_the_paper_s():
    assert MaskedViews().coverage == pytest.approx((0.1, 0.1 + 1 / 1.12))


def test_noise_is_half_normal_clipped_and_new_in_each_view_and_channel():
    views = draw(batch=16, coverage=(0.0, 0.0))  # each view shows what the filler gives it, so half of it is noise
    noise = views.views.a[(views.seen.a == 0).expand_as(views.image)]
    assert noise.min() >= 0 and noise.max() == 1
    # E min(|N|, 1) = sqrt(2 / pi) (1 - exp(-1/2)) + P(|N| > 1)
    assert_close(noise.mean().item(), 0.7978846 * (1 - 0.6065307) + 0.3173105, atol=5e-3, rtol=0)
    channels = views.views.a.transpose(0, 1)[:, (views.seen.a == 0)[:, 0]]
    assert torch.corrcoef(channels)[0, 1].abs() < 0.02


def test_which_view_is_first_is_random():
    """Without the swap, holes would go to the first view wherever the filler is 1: more often with p = 0.9."""
    views = draw(batch=512, size=(64, 64), coverage=(0.5, 0.5))
    share = views.seen.a.flatten(1).mean(1) > views.seen.b.flatten(1).mean(1)
    assert 0.4 < share.float().mean() < 0.6


def test_cells_are_those_of_the_paper_at_224():
    views = draw(batch=1, coverage=(1.0, 1.0))
    assert views.seen.a.min() == 1
    rows = torch.arange(FULL_SIZE)
    seen = draw(batch=32, coverage=(0.5, 0.5)).seen.a[:, 0]
    changes = (seen[:, 1:] != seen[:, :-1]).any(-1).any(0).nonzero().flatten() + 1
    edges = {int(i) for n in (COARSE, *FINE) for i in rows[1:][(rows[1:] * n // 224) != (rows[:-1] * n // 224)]}
    assert set(changes.tolist()) <= edges


def test_whole_images():
    views = draw(batch=32, coverage=(0.2, 0.2), whole=1.0)
    assert_close(views.views.a, views.image)
    assert_close(views.views.b, views.image)


def test_seeded_and_any_size():
    assert_close(draw(batch=2, size=(50, 331)).views.a, draw(batch=2, size=(50, 331)).views.a)
    assert not torch.equal(draw(batch=2).views.a, draw(batch=2, seed=1).views.a)


def test_jitter():
    images, factor = torch.rand(4, 3, 8, 8), torch.tensor(0.5).expand(4, 1, 1, 1)
    assert_close(brightness(images, factor), images / 2)
    grey = (images * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    assert_close(contrast(images, factor), images / 2 + grey.mean((2, 3), keepdim=True) / 2)
    assert_close(saturation(images, factor), images / 2 + grey / 2)
    jittered = MaskedViews(jitter=(0.1, 1.0))(images, generator()).image
    assert jittered.std() < images.std() and jittered.min() >= 0 and jittered.max() <= 1


@pytest.mark.parametrize('options', [{'jitter': (1, 0)}, {'coverage': (0.5, 1.5)}, {'whole': 2}])
def test_wrong_options(options):
    with pytest.raises(ValueError, match=f'{next(iter(options))}='):
        MaskedViews(**options)
