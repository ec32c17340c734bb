import torch
from helpers.pretraining import build, cud_config
from torch.nn.functional import interpolate

from mmdefusion.models.pretrainers.closed_form_init import init_in_closed_form
from mmdefusion.models.structures import Pair


def smooth_images(count: int) -> torch.Tensor:
    return interpolate(torch.rand(count, 3, 5, 5), size=(64, 64), mode='bicubic').clip(0, 1)


def psnr(model, images) -> float:
    fused = model.fuse(Pair(images, images)).fused
    return -10 * torch.log10(((fused - images) ** 2).mean()).item()


def test_images_survive_an_untrained_network():
    model = build(cud_config()).eval()
    images = smooth_images(4)
    with torch.no_grad():
        before = psnr(model, images)
        init_in_closed_form(model, smooth_images(48).split(16))
        assert psnr(model, images) > before + 8


def test_the_heads_are_the_best_linear_maps():
    """No small change of a head's last map makes its image better on the images that it was fitted to."""
    model = build(cud_config(view_generator=dict(type='mmdefusion.MaskedViews', whole=1.0, jitter=(1.0, 1.0)))).eval()
    images = smooth_images(32)
    with torch.no_grad():
        init_in_closed_form(model, [images], ridge=1e-9)
        _, mfm = model.reconstruct(Pair(images, images), 'ab')  # random patches are kept: not the same as those fitted
        error = ((model.reconstruct(Pair(images, images), 'ab')[0].fused - images) ** 2).mean()
        for _ in range(5):
            model.fused_head.proj.weight.add_(change := 1e-3 * torch.randn_like(model.fused_head.proj.weight))
            assert ((model.reconstruct(Pair(images, images), 'ab')[0].fused - images) ** 2).mean() > 0.9 * error
            model.fused_head.proj.weight.sub_(change)
        assert mfm.shape == images.shape
