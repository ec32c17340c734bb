from inspect import signature

import numpy as np
import pytest
import torch
from helpers.pretraining import SMALL
from mmengine.structures import BaseDataElement
from torch.testing import assert_close

from mmdefusion.models.fusers import PictureFuser
from mmdefusion.models.fusers.picture_fuser import fill_patches
from mmdefusion.models.layers.colour import luma
from mmdefusion.models.structures import Pair
from mmdefusion.rules.options import THREE_CHANNELS

DETAIL = dict(type='mmdefusion.ResidualDetail')


def build(**options) -> PictureFuser:
    torch.manual_seed(0)
    head = dict(type='mmdefusion.ImageHead', embed_dims=32)
    return PictureFuser(
        backbone=dict(type='mmdefusion.DeFusionEncoder', arch=SMALL),
        neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=32, common='mean')],
        common_head=head,
        unique_head=head,
        fused_head=head,
        sliding_window=dict(type='mmdefusion.SlidingWindow', size=64, overlap=16, whole_below=64 * 64),
        **options,
    ).eval()


@pytest.mark.parametrize('colour', ['rgb', 'exposed', 'luma', 'grey'])
@pytest.mark.parametrize('size', [(33, 58), (90, 71)])
@pytest.mark.parametrize('target', ['keep', 'highlight', 'off'])
def test_an_image_with_itself_comes_back_exactly(colour, size, target):
    if colour in THREE_CHANNELS and target != 'off':
        with pytest.raises(ValueError, match="goes with colour='luma' or 'grey'"):
            build(colour=colour, target=target)
        return
    image = torch.rand(3, *size)
    fused = build(detail=DETAIL, colour=colour, target=target).fuse(Pair(image, image), parts=True).fused
    assert_close(fused, luma(image) if colour == 'grey' else image, atol=1e-5, rtol=0)


def test_plain_output_is_the_image_fuser_s():
    model, pair = build(colour='rgb'), torch.rand(2, 3, 32, 48)  # whole patches: nothing is mirrored
    expected = model(pair.flatten(0, 1)[None])
    for ours, theirs in zip(model.fuse(Pair(*pair), parts=True), expected, strict=True):
        assert_close(ours, theirs[0].clip(0, 1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('colour', ['rgb', 'exposed', 'luma', 'grey'])
def test_the_fused_picture_alone_is_the_same(colour):
    model, pair = build(detail=DETAIL, colour=colour), Pair(*torch.rand(2, 3, 70, 58))
    drawn = []
    model.common_head.register_forward_hook(lambda *_: drawn.append('common'))
    alone = model.fuse(pair)
    assert not drawn
    assert_close(alone, model.fuse(pair, parts=True).fused)
    assert drawn


@pytest.mark.parametrize('detail', [DETAIL, None])
@pytest.mark.parametrize('colour', ['rgb', 'exposed', 'luma', 'grey'])
def test_explained_images_are_the_fused_ones(colour, detail):
    model, pair = build(colour=colour, detail=detail), Pair(*torch.rand(2, 3, 70, 90))
    images, share = model.explain(pair)
    for ours, expected in zip(images, model.fuse(pair, parts=True), strict=True):
        assert_close(ours, expected)
    assert share.shape == (1, 5, 6) and share.min() >= 0 and share.max() <= 1


def test_equal_sources_have_equal_shares_and_a_swap_turns_them():
    model, (one, other) = build(colour='rgb'), torch.rand(2, 3, 48, 64)
    assert_close(model.explain(Pair(one, one)).share, torch.full((1, 3, 4), 0.5))
    ours, swapped = (model.explain(Pair(*pair)).share for pair in ((one, other), (other, one)))
    assert_close(ours, 1 - swapped, atol=1e-4, rtol=0)
    assert (ours - 0.5).abs().max() > 1e-3


def test_what_the_network_makes_of_each_source_alone():
    model, pair = build(), torch.rand(2, 1, 3, 40, 48)
    features = model.backbone(model.normalize(torch.cat([*pair], dim=1)))
    for own, image in zip(model.decode_alone(features), pair, strict=True):
        assert_close(own, model(torch.cat([image, image], 1)).fused, atol=1e-5, rtol=1e-5)


def test_training_is_the_pretrainers():
    with pytest.raises(ValueError, match='pretrainer'):
        build()(torch.rand(1, 6, 32, 32), mode='loss')


def test_luma_keeps_the_colours_of_the_first():
    model, a, b = build(detail=DETAIL), torch.rand(3, 40, 40), torch.rand(1, 40, 40).expand(3, -1, -1)
    a, b = 0.4 + 0.2 * a, 0.4 + 0.2 * b  # room enough above and below for the colours to stay
    fused = model.fuse(Pair(a, b), parts=True).fused
    ours, theirs = fused - luma(fused), a - luma(a)
    assert torch.nn.functional.cosine_similarity(ours.flatten(), theirs.flatten(), dim=0) > 0.85
    grey = a.mean(0, keepdim=True).expand(3, -1, -1)
    fused = model.fuse(Pair(grey, b), parts=True).fused
    assert_close(fused[0], fused[1], atol=1e-5, rtol=0)


@pytest.mark.parametrize('level', [0.0, 0.5, 1.0])
def test_constant_pictures(level):
    flat, picture = torch.full((3, 40, 40), level), torch.rand(3, 40, 40)
    for pair in (Pair(flat, picture), Pair(picture, flat), Pair(flat, flat)):
        fused = build(detail=DETAIL).fuse(pair, parts=True).fused
        assert fused.isfinite().all() and fused.min() >= 0 and fused.max() <= 1


def test_what_cannot_be_fused():
    model, picture = build(), torch.rand(3, 40, 48)
    with pytest.raises(ValueError, match='48x40 and 40x48: align or resize'):
        model.fuse(Pair(picture, picture.transpose(1, 2)), parts=True)
    with pytest.raises(ValueError, match='second image has NaN'):
        model.fuse(Pair(picture, picture / 0 * 0), parts=True)
    with pytest.raises(ValueError, match="colour='sepia'"):
        build(colour='sepia')


def test_predictions_are_pictures():
    sample = BaseDataElement(metainfo=dict(img_path='a.png'))
    (sample,) = build(detail=DETAIL)(torch.rand(1, 6, 40, 48), [sample], mode='predict')
    assert sample.fused.shape == sample.visible.shape == (40, 48, 3) and sample.fused.dtype == np.uint8


def test_what_does_not_fill_a_patch_is_mirrored():
    images = torch.rand(1, 6, 20, 50)
    filled = fill_patches(images)
    assert filled.shape == (1, 6, 32, 64)
    assert_close(filled[..., 20, :50], images[..., 18, :])
    assert_close(filled[..., :20, 50], images[..., 48])
    thin = torch.rand(1, 6, 3, 50)
    assert_close(fill_patches(thin)[..., 15, :50], thin[..., 2, :])


def test_a_target_is_raised_and_loses_its_colours():
    """In what the network says nothing of: its weights are random."""
    torch.manual_seed(0)
    visible = 0.15 + 0.05 * torch.rand(3, 160, 200) + torch.tensor([0.1, 0.0, -0.1]).view(3, 1, 1)
    infrared = torch.full((3, 160, 200), 0.2)
    infrared[:, 60:110, 90:106] = 0.7
    person = (slice(None), slice(66, 104), slice(94, 102))
    off, keep, highlight = (
        build(detail=DETAIL, target=target).fuse(Pair(visible, infrared)) for target in ('off', 'keep', 'highlight')
    )
    brightness = [luma(image)[person].mean() for image in (off, keep, highlight)]
    assert brightness == sorted(brightness) and brightness[2] > brightness[0] + 0.05

    def colourful(image):
        return (image.amax(0) - image.amin(0))[person[1:]].mean()

    assert colourful(highlight) < 0.3 * colourful(off)


def test_there_are_three_targets():
    with pytest.raises(ValueError, match="target='all' is none of"):
        build(target='all')


def test_fusing_and_explaining_take_the_same_options():
    """Two ways to call that differ in the order of their options are easily confused."""
    fusing, explaining = (
        list(signature(call).parameters.values()) for call in (PictureFuser.fuse, PictureFuser.explain)
    )
    assert [one.name for one in fusing if one.name != 'parts'] == [one.name for one in explaining]
    assert all(one.kind is one.KEYWORD_ONLY for one in (*fusing[2:], *explaining[2:]))
