import torch

from mmdefusion.models.layers import PatchEmbed, tokens_to_map, unpatchify


def test_unpatchify_puts_each_pixel_where_it_was():
    image = torch.rand(2, 3, 8, 12)
    patches = image.reshape(2, 3, 2, 4, 3, 4).permute(0, 2, 4, 3, 5, 1).reshape(2, 6, 48)  # channel fastest
    assert torch.equal(unpatchify(patches, (2, 3), 4), image)


def test_tokens_to_map_is_row_major_and_drops_the_class_token():
    tokens = torch.arange(7.0).view(1, 7, 1)
    assert tokens_to_map(tokens, (2, 3))[0, 0].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_patch_embed_extends_by_repeating_the_last_pixels():
    embed = PatchEmbed(8)
    image = torch.rand(1, 3, 17, 30)
    tokens, grid = embed(image)
    assert grid == (2, 2) and tokens.shape == (1, 4, 8)
    extended = torch.cat([image, image[:, :, -1:].expand(-1, -1, 15, -1)], dim=2)
    extended = torch.cat([extended, extended[..., -1:].expand(-1, -1, -1, 2)], dim=3)
    assert torch.equal(tokens, embed(extended)[0])
