import torch

from mmdefusion.models.heads import ImageHead


def test_a_constant_projection_gives_its_pixels():
    head = ImageHead(32).eval()
    torch.nn.init.zeros_(head.proj.weight)
    pixels = torch.rand(16, 16, 3)
    head.proj.bias.data = pixels.flatten()
    image = head(torch.randn(2, 7, 32), (2, 3))
    assert image.shape == (2, 3, 32, 48)
    assert torch.allclose(image[1, :, 16:, 32:], pixels.permute(2, 0, 1))
