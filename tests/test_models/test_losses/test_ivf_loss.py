import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmdefusion.models.layers import luma
from mmdefusion.models.losses import IVFLoss
from mmdefusion.models.structures import Sensors
from mmdefusion.scenes import SceneGenerator

SIZES = (80, 64), (83, 67)  # width and height


def scene(size: tuple[int, int], index: int = 0) -> Sensors:
    """A generated pair, B×3×H×W each, one with colours and both above black."""
    found = SceneGenerator(size)(index)
    images = (found.visible[..., ::-1], np.repeat(found.infrared[..., None], 3, axis=2))
    return Sensors(*(0.2 + torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 510 for image in images))


def blurred(image: Tensor) -> Tensor:
    array = cv2.GaussianBlur(image[0].permute(1, 2, 0).numpy(), (0, 0), 2)
    return torch.from_numpy(array).permute(2, 0, 1)[None]


def values(fused: Tensor, sources: Sensors, wanted: Tensor) -> dict[str, float]:
    losses = IVFLoss(1, 1, 1, 1)(fused, sources, wanted)
    return {name.removeprefix('loss_'): loss.item() for name, loss in losses.items()}


@pytest.mark.parametrize('size', SIZES)
def test_nothing_is_lost_where_the_answer_is_known(size):
    visible, infrared = scene(size)
    flat = torch.full_like(visible, 0.4)
    for sources, answer in (
        (Sensors(visible, visible), visible),
        (Sensors(visible, flat), visible),
        (Sensors(flat, infrared), infrared),
    ):
        assert max(values(answer, sources, answer).values()) < 1e-4


@pytest.mark.parametrize('size', SIZES)
def test_each_fault_is_seen_by_its_term_alone(size):
    visible, _ = scene(size)
    sources = Sensors(visible, torch.full_like(visible, 0.4))
    faults = {
        'brightness': visible + 0.1,
        'colour': luma(visible).expand_as(visible),
        'gradient': blurred(visible),
    }
    found = {name: values(image, sources, visible) for name, image in faults.items()}
    assert found['brightness']['brightness'] == pytest.approx(0.1, abs=1e-5)
    assert max(value for name, value in found['brightness'].items() if name != 'brightness') < 1e-4
    assert found['colour']['colour'] > 0.005
    assert max(value for name, value in found['colour'].items() if name != 'colour') < 1e-4
    assert min(found['gradient']['gradient'] / 0.002, found['gradient']['structure'] / 0.05) > 1


def test_the_sharper_source_counts_with_its_sign():
    columns = torch.linspace(0, 1, 40).expand(1, 3, 40, 40)
    steep, shallow = columns, 0.6 - 0.2 * columns
    grey = torch.full_like(columns, 0.5)
    candidates = steep, grey, shallow, 1 - steep
    losses = [values(fused, Sensors(shallow, steep), grey)['gradient'] for fused in candidates]
    slope = 1 / 39 / 2  # the mean of both directions; of a border pixel it is half
    for loss, missing in zip(losses, (0, 1, 1.2, 2), strict=True):
        assert loss == pytest.approx(missing * slope * 39 / 40, abs=1e-5)
    assert losses == [values(fused, Sensors(steep, shallow), grey)['gradient'] for fused in candidates]


def test_weights_and_half_precision():
    visible, infrared = scene((72, 64))
    fused = torch.rand(1, 3, 64, 72)
    once, weighted = IVFLoss(1, 1, 1, 1), IVFLoss(brightness=1, gradient=2, structure=3, colour=0)
    plain, found = (loss(fused, Sensors(visible, infrared), visible) for loss in (once, weighted))
    for factor, (name, value) in zip((1, 2, 3, 0), plain.items(), strict=True):
        assert_close(found[name], factor * value)
    half = once(fused.bfloat16(), Sensors(visible, infrared), visible)
    for name, value in half.items():
        assert value.dtype == torch.float32
        assert_close(value, plain[name], rtol=0.02, atol=1e-3)


def test_images_too_small_for_the_window_are_refused():
    image = torch.rand(1, 3, 5, 40)
    with pytest.raises(ValueError, match='side of 5 is too short'):
        IVFLoss()(image, Sensors(image, image), image)
