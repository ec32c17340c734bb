"""bfloat16 and mmcv's operators, some of which refuse it on CPUs and all of them on GPUs."""

import copy

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from mmdefusion.engine.optimizers import BFloat16OptimWrapper
from mmdefusion.engine.optimizers.autocast_wrapper import keep_operators_in_float32

pytest.importorskip('mmdet')
from mmcv.ops import MultiScaleDeformableAttention, RoIAlign, multi_scale_deform_attn
from mmdet.models.dense_heads import RPNHead
from mmdet.models.losses import FocalLoss
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor

HALF = dict(device_type='cpu', dtype=torch.bfloat16)


class Pooled(nn.Module):
    """A convolution, whose maps are of 16 bits under autocast, and RoIAlign over them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1)
        self.extractor = SingleRoIExtractor(dict(type='RoIAlign', output_size=2, sampling_ratio=0), 8, [4, 8])

    def forward(self, images: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        maps = self.conv(images)
        return self.extractor((maps, maps[..., ::2, ::2].contiguous()), boxes)


def test_an_operator_that_refuses_bfloat16_takes_it():
    model, images = Pooled(), torch.rand(1, 3, 16, 16)
    boxes = torch.tensor([[0, 1.3, 2.1, 30.7, 40.2], [0, 0.4, 0.2, 500.3, 400.9]])
    with torch.autocast(**HALF), pytest.raises(RuntimeError, match="not implemented for 'BFloat16'"):
        model(images, boxes)
    expected = model(images, boxes)
    keep_operators_in_float32(model, 'cpu')
    with torch.autocast(**HALF):
        for one in (model, copy.deepcopy(model)):
            found = one(images, boxes)
            assert found.dtype == torch.float32 and one.conv(images).dtype == torch.bfloat16
            torch.testing.assert_close(found, expected, atol=0.02, rtol=0.02)
    found.sum().backward()


def test_after_a_failure_autocast_is_on_again():
    model = nn.ModuleList([RoIAlign(2), nn.Linear(3, 3)])
    keep_operators_in_float32(model, 'cpu')
    with torch.autocast(**HALF):
        with pytest.raises(AttributeError):
            model[0](torch.rand(1, 1, 4, 4), 'no boxes')
        assert model[1](torch.rand(1, 3)).dtype == torch.bfloat16


def test_the_focal_loss_is_given_float32():
    seen = []
    loss = FocalLoss()
    keep_operators_in_float32(loss, 'cpu')
    loss.register_forward_pre_hook(lambda module, args: seen.append([one.dtype for one in args]))
    loss(torch.zeros(4, 3, dtype=torch.bfloat16), torch.zeros(4, dtype=torch.long))
    assert seen == [[torch.float32, torch.int64]]


def test_deformable_attention_is_computed_in_float32(monkeypatch):
    seen, operator = [], multi_scale_deform_attn.multi_scale_deformable_attn_pytorch

    def watched(value: torch.Tensor, shapes: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        seen.append({one.dtype for one in (value, *others)})
        return operator(value, shapes, *others)

    monkeypatch.setattr(multi_scale_deform_attn, 'multi_scale_deformable_attn_pytorch', watched)
    attention = MultiScaleDeformableAttention(embed_dims=16, num_heads=2, num_levels=1, num_points=2, batch_first=True)
    tokens = torch.rand(1, 16, 16).bfloat16()
    inputs = dict(
        query=tokens,
        value=tokens,
        reference_points=torch.rand(1, 16, 1, 2),
        spatial_shapes=torch.tensor([[4, 4]]),
        level_start_index=torch.tensor([0]),
    )
    keep_operators_in_float32(attention, 'cpu')
    with torch.autocast(**HALF):
        attention(**inputs)
    assert seen == [{torch.float32}]


def test_proposals_are_chosen_in_float32():
    """NMS takes no boxes of 16 bits."""
    head = RPNHead(num_classes=1, in_channels=8, feat_channels=8)
    keep_operators_in_float32(head, 'cpu')
    with torch.autocast(**HALF):
        found = head([torch.rand(1, 8, 4, 4, dtype=torch.bfloat16)] * 5)
    assert {one.dtype for maps in found for one in maps} == {torch.float32}


@pytest.mark.filterwarnings('ignore:User provided device_type')
@pytest.mark.parametrize('device', ['cpu', 'cuda'])
def test_parts_get_their_hooks_once(device):
    with FakeTensorMode():  # knows GPUs where there is none
        model = nn.ModuleList([nn.ParameterList([torch.empty(1, device=device)]), RoIAlign(2), FocalLoss()])
    for _ in range(2):
        wrapper = BFloat16OptimWrapper(optimizer=torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1))
        for _ in range(2):
            with wrapper.optim_context(model):
                pass
    assert sum(len(module._forward_pre_hooks) for module in model.modules()) == 2
