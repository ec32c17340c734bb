import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.testing import assert_close

from mmdefusion.models.fusers.image_fuser import FusedImages
from mmdefusion.models.losses import CUDLoss, MCUDLoss, ssim_loss, ssim_map
from mmdefusion.models.structures import Sensors


def test_ssim_map_is_the_textbook_s():
    x, y = torch.rand(2, 2, 3, 23, 31, dtype=torch.float64)

    def blur(image):
        # scipy's mirror mode reflects without repeating the edge pixel; truncated after five pixels
        return gaussian_filter(image, 1.5, mode='mirror', truncate=5 / 1.5, axes=(2, 3))

    a, b = x.numpy(), y.numpy()
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, cov = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    expected = (2 * mean_a * mean_b + 1e-4) * (2 * cov + 9e-4)
    expected /= (mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4)
    np.testing.assert_allclose(ssim_map(x, y).numpy(), expected, rtol=1e-9)


def test_gradients_of_ssim_reach_either_image():
    """Each alone too, as a target needs none."""
    x, y = torch.rand(2, 1, 1, 6, 8, dtype=torch.float64)
    for one, other in ((x.clone().requires_grad_(), y), (x, y.clone().requires_grad_())):
        assert torch.autograd.gradcheck(ssim_loss, (one, other))


def test_ssim_of_equal_and_of_opposite_images():
    x = torch.rand(1, 3, 16, 16)
    assert_close(ssim_loss(x, x), torch.tensor(0.0), atol=1e-6, rtol=0)
    assert ssim_loss(x, 1 - x) > 0.5
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert ssim_map(x.bfloat16(), x).dtype == torch.float32


def test_too_small_for_the_window():
    with pytest.raises(ValueError, match='side of 5 is too short'):
        ssim_map(torch.rand(1, 3, 5, 16), torch.rand(1, 3, 5, 16))


def test_cud_loss_of_a_batch_is_the_mean_over_images():
    """The authors compute it image by image."""
    images = torch.rand(9, 4, 3, 32, 48, dtype=torch.float64)
    drawn, target, mfm = FusedImages(*images[:4]), FusedImages(*images[4:8]), images[8]
    whole = CUDLoss()(drawn, mfm, target)
    single = [
        CUDLoss()(
            FusedImages(*(i[k : k + 1] for i in drawn)), mfm[k : k + 1], FusedImages(*(i[k : k + 1] for i in target))
        )
        for k in range(4)
    ]
    for name, value in whole.items():
        assert_close(value, torch.stack([loss[name] for loss in single]).mean())


def test_weights():
    images = FusedImages(*torch.rand(4, 1, 3, 16, 16))
    zero = FusedImages(*torch.zeros(4, 1, 3, 16, 16))
    losses = CUDLoss(common=1, unique_a=2, unique_b=3, mfm=4, fused=5, fused_ssim=0)(images, images.common, zero)
    means = [image.mean() for image in (images.common, images.unique_a, images.unique_b, images.common, images.fused)]
    for factor, mean, value in zip((1, 2, 3, 4, 5), means, losses.values(), strict=False):
        assert_close(value, factor * mean)
    assert losses['loss_fused_ssim'] == 0


def test_mcud_loss():
    tokens = torch.rand(6, 2, 5, 8, requires_grad=True)
    losses = MCUDLoss(visible_teacher=2)(Sensors(*tokens[:2]), Sensors(*tokens[2:4]), Sensors(*tokens[4:]))
    assert_close(losses['loss_visible_teacher'], 2 * (tokens[0] - tokens[2]).abs().mean())
    losses['loss_common_orders'].backward()
    assert (tokens.grad[4:] != 0).all()  # through both sides
