"""What a picture gives does not depend on the pictures it is batched with, nor on what it is padded to."""

import pytest
import torch
from helpers.everyday_model import SMALL, build
from torch import nn
from torch.testing import assert_close

from mmdefusion.models.layers import Content, mark_padding

PYRAMIDS = ['SimpleFeaturePyramid', 'FusedPyramid', 'GuidedPyramid']
SIZES = [(50, 70), (96, 40), (33, 90)]


def padded(pictures: list[torch.Tensor], size: tuple[int, int]) -> torch.Tensor:
    batch = pictures[0].new_zeros(len(pictures), 6, *size)
    for row, picture in zip(batch, pictures, strict=True):
        row[:, : picture.shape[1], : picture.shape[2]] = picture
    mark_padding(batch, [tuple(picture.shape[1:]) for picture in pictures])
    return batch


def with_registers(model: nn.Module) -> nn.Module:
    """With the learned positions and the register tokens of a public ViT, DINOv2's."""
    table = torch.randn(1 + 5 * 5, 32)
    model.encoder.position_embedding.take(table, antialias=True)
    nn.init.normal_(model.encoder.register_tokens)
    return model


@pytest.mark.parametrize('pyramid', PYRAMIDS)
@pytest.mark.parametrize('registers, window', [(0, None), (3, None), (0, 4), (3, 2)])
def test_each_picture_as_if_alone(pyramid, registers, window):
    encoder = {'window': window, 'global_blocks': 2}
    model = build(pyramid, arch=SMALL | {'num_registers': registers}, encoder=encoder).eval()
    if registers:
        model = with_registers(model)
    pictures = [torch.randn(6, *size) for size in SIZES]
    batch = padded(pictures, (96, 96))
    with torch.no_grad():
        features, maps = model.encoder(batch), model(batch)
        decomposed = model.decomposition(features)
        for index, picture in enumerate(pictures):
            alone = model.decomposition(model.encoder(picture[None]))
            rows, columns = alone.features.grid
            for ours, theirs in (
                (decomposed.fused, alone.fused),
                (decomposed.full().common, alone.full().common),
                (decomposed.full().unique_b, alone.full().unique_b),
                (features.skip.a, alone.features.skip.a),
            ):
                own = ours[index, 1:].unflatten(0, features.grid)[:rows, :columns].flatten(0, 1)
                assert_close(own, theirs[0, 1:], atol=1e-5, rtol=0)
                assert_close(ours[index, 0], theirs[0, 0], atol=1e-5, rtol=0)
            for ours, theirs in zip(maps, model(picture[None]), strict=True):
                height, width = theirs.shape[-2:]
                assert_close(ours[index, :, :height, :width], theirs[0], atol=1e-5, rtol=0)
                beyond = ours[index, :, height : 2 * height, :width]  # it goes on mirrored
                assert torch.equal(beyond.flip(1), ours[index, :, height - beyond.shape[1] : height, :width])


@pytest.mark.parametrize('pyramid', PYRAMIDS)
def test_padding_to_a_multiple_changes_nothing(pyramid):
    model, picture = build(pyramid).eval(), torch.randn(2, 6, 50, 70)
    with torch.no_grad():
        alone, maps = model(picture), model(padded(list(picture), (64, 96)))
    for stride, ours, theirs in zip((4, 8, 16, 32), maps, alone, strict=True):
        assert ours.shape[-2:] == (64 // stride, 96 // stride)
        assert torch.equal(ours[..., : theirs.shape[-2], : theirs.shape[-1]], theirs)  # no mask: the same bits


def test_without_padding_there_is_no_mask(monkeypatch):
    model, masks = build('FusedPyramid').eval(), []
    attention = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        'mmdefusion.models.layers.attention.scaled_dot_product_attention',
        lambda q, k, v, mask, **scale: masks.append(mask) or attention(q, k, v, mask, **scale),
    )
    picture = torch.randn(1, 6, 50, 70)
    model(picture)
    assert masks and all(mask is None for mask in masks)
    masks.clear()
    model(padded([picture[0], torch.randn(6, 20, 80)], (64, 96)))
    assert masks and all(mask.shape[-1] == 1 + 4 * 5 for mask in masks)


@pytest.mark.parametrize('pyramid', PYRAMIDS)
@pytest.mark.parametrize('with_cp, window', [(False, None), (True, None), (True, 2)])
def test_gradients_of_a_batch_are_those_of_its_pictures(pyramid, with_cp, window):
    model = build(pyramid, encoder={'with_cp': with_cp, 'window': window, 'drop_path_rate': 0.0}).eval().double()
    pictures = [torch.randn(6, *size).double() for size in SIZES]

    def gradients(*batches: torch.Tensor) -> list[torch.Tensor]:
        model.zero_grad()
        for batch in batches:
            sizes = Content.of(batch).sizes or [batch.shape[-2:]]
            for stride, level in zip((4, 8, 16, 32), model(batch), strict=True):
                own = [part[:, : -(-h // stride), : -(-w // stride)] for part, (h, w) in zip(level, sizes, strict=True)]
                sum(part.sin().sum() for part in own).backward(retain_graph=True)
        return [parameter.grad.clone() for parameter in model.parameters()]

    together = gradients(padded(pictures, (96, 96)))
    apart = gradients(*(picture[None] for picture in pictures))
    for ours, theirs in zip(together, apart, strict=True):
        assert_close(ours, theirs, atol=1e-9, rtol=1e-6)


@pytest.mark.soak
def test_compiled():
    model = build('FusedPyramid').eval()
    compiled = torch.compile(model, backend='eager')
    pictures = [torch.randn(6, *size) for size in SIZES]
    with torch.no_grad():
        for batch in (padded(pictures, (96, 96)), torch.randn(2, 6, 48, 64)):
            for ours, theirs in zip(compiled(batch), model(batch), strict=True):
                assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('window', [None, 2])
def test_exported_models_look_for_no_padding(window):
    model, picture = build('SimpleFeaturePyramid', encoder={'window': window}).eval(), torch.randn(1, 6, 48, 64)
    traced = torch.jit.trace(model, picture)
    exported = torch.export.export(model, (picture,)).module()
    with torch.no_grad():
        for run in (traced, exported):
            assert_close(run(picture), model(picture), atol=1e-5, rtol=1e-4)
    assert Content.of(picture).sizes is None
