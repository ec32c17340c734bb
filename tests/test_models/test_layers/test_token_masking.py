import torch
from torch.testing import assert_close

from mmdefusion.models.layers import keep_tokens, patchify, restore_tokens, sample_kept, unpatchify


def test_keep_and_restore():
    tokens = torch.randn(2, 13, 8)
    kept = sample_kept(torch.rand(2, 12), mask_ratio=0.75)
    assert kept.shape == (2, 3)
    few = keep_tokens(tokens, kept)
    assert_close(few[:, 0], tokens[:, 0])
    assert_close(few[1, 2], tokens[1, 1 + kept[1, 1]])
    mask = torch.full((1, 1, 8), 9.0)
    restored = restore_tokens(few, kept, mask, 12)
    for sample in range(2):
        for place in range(12):
            expected = tokens[sample, place + 1] if place in kept[sample] else mask[0, 0]
            assert_close(restored[sample, place + 1], expected)


def test_the_least_noise_stays_and_one_patch_always_does():
    noise = torch.tensor([[0.3, 0.1, 0.9, 0.2]])
    assert sample_kept(noise, 0.5).tolist() == [[1, 3]]
    assert sample_kept(noise, 0.99).tolist() == [[1]]


def test_patchify_undoes_unpatchify():
    image = torch.randn(2, 3, 32, 48)
    patches = patchify(image, 16)
    assert patches.shape == (2, 6, 768)
    assert_close(patches[0, 1, 3 * (16 * 2 + 5) + 1], image[0, 1, 2, 16 + 5])  # grid row-major, channel fastest
    assert_close(unpatchify(patches, (2, 3), 16), image)
