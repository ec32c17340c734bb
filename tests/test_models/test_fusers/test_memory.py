import pytest
import torch
from test_models.test_fusers.test_picture_fuser import DETAIL, build
from torch.testing import assert_close

from mmdefusion.models.structures import Pair
from mmdefusion.rules.filters import reduce_to
from mmdefusion.rules.memory import FrameMemory


def test_weights_follow_slowly():
    memory, still = FrameMemory(keep=0.5), torch.full((1, 4, 5), 0.5)
    assert_close(memory.smooth('rest', still), still)
    assert_close(memory.smooth('rest', still + 0.1), still + 0.05)
    assert_close(memory.smooth('rest', still + 0.1), still + 0.075)
    assert_close(memory.smooth('share', still + 0.1), still + 0.1)  # each weight has its own past


def test_another_scene_begins_anew():
    memory, dark = FrameMemory(), torch.zeros(1, 4, 5)
    memory.smooth('rest', dark)
    assert_close(memory.smooth('rest', dark + 1), dark + 1)
    assert_close(memory.smooth('rest', torch.ones(1, 2, 3)), torch.ones(1, 2, 3))


@pytest.mark.parametrize('keep', [-0.1, 1.0])
def test_what_is_kept_is_a_share(keep):
    with pytest.raises(ValueError, match='keep'):
        FrameMemory(keep)


def test_a_still_video_stays_and_a_noisy_one_flickers_less():
    model, pair = build(detail=DETAIL), Pair(*torch.rand(2, 3, 64, 80))
    memory = FrameMemory()
    first = model.fuse(pair, memory=memory)
    assert_close(model.fuse(pair, memory=memory), first)
    assert_close(first, model.fuse(pair))
    smooth, loose, memory = [], [], FrameMemory(0.9)
    for _ in range(4):
        noisy = Pair(*(image + 0.1 * torch.randn_like(image) for image in pair))
        smooth.append(model.fuse(noisy, memory=memory))
        loose.append(model.fuse(noisy))
    change = [(frames[-1] - frames[-2]).abs().mean() for frames in (smooth, loose)]
    assert change[0] < change[1]


def test_the_network_sees_less_and_detail_stays():
    model, pair = build(detail=DETAIL), Pair(*torch.rand(2, 3, 70, 90))
    seen = []
    model.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[-2:].numel()))
    reduced = model.fuse(pair, network_pixels=32 * 40)
    assert max(seen) <= 48 * 48 and reduced.shape == (3, 70, 90)  # whole patches
    assert (reduced - model.fuse(pair)).abs().mean() < 0.05
    same = model.fuse(Pair(pair.a, pair.a), network_pixels=32 * 40)
    assert_close(same, pair.a, atol=1e-5, rtol=0)
    assert reduce_to(pair.a, 6300) is pair.a and reduce_to(pair.a, 1).shape == (3, 1, 1)


def test_what_else_is_asked_for_does_not_change_the_fused_picture():
    model, pair = build(detail=DETAIL), Pair(*torch.rand(2, 3, 70, 90))
    alone = model.fuse(pair, network_pixels=32 * 40)
    *parts, fused = model.fuse(pair, parts=True, network_pixels=32 * 40)
    assert_close(fused, alone)
    explained = model.explain(pair, network_pixels=32 * 40)
    assert_close(explained.images.fused, alone)
    for ours, again, whole in zip(parts, explained.images, model.fuse(pair, parts=True), strict=False):
        assert_close(ours, whole)  # parts are always of full size
        assert_close(again, whole)
    assert explained.share.shape == (1, 2, 3)
