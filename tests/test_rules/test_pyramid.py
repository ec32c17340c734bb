import torch
from torch.testing import assert_close

from mmdefusion.rules.pyramid import build_pyramid, expand


def test_the_pyramid_holds_everything():
    image = torch.rand(2, 45, 38)
    *bands, picture = build_pyramid(image, levels=3)
    assert [band.shape[-2:] for band in bands] == [(45, 38), (23, 19), (12, 10)]
    for band in reversed(bands):
        picture = expand(picture, band.shape[-2:]) + band
    assert_close(picture, image)
    flat = build_pyramid(torch.full((1, 32, 32), 0.7), levels=2)
    assert flat[0].abs().max() < 1e-6 and abs(flat[2] - 0.7).max() < 1e-6
