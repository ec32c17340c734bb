"""Forms of DeFusion++ on a device that is no CPU (meta), in 16 bits as CUDA has them.

What mixes tensors of two devices, or of two types where none may be, is an error on meta as it is on a GPU.
"""

import pytest
import torch
from helpers.cuda_autocast import CudaAutocast

from mmdefusion.models.layers import Content
from mmdefusion.registry import MODELS

SMALL = dict(embed_dims=48, depth=2, num_heads=2, last_num_heads=4)
SIZES = (70, 95), (96, 40)
FORMS = {
    'paper': dict(),
    'means': dict(encoder=dict(window=4, global_blocks=0, pooling=2)),
    'guided': dict(pyramid=dict(type='mmdefusion.GuidedPyramid'), frozen=True),
    'injection': dict(
        spatial_prior=dict(type='mmdefusion.SpatialPrior'),
        injection=dict(type='mmdefusion.TokenInjection'),
        junction=dict(type='mmdefusion.GatedPrior'),
    ),
}


@pytest.mark.parametrize('form', FORMS)
def test_forms(form, monkeypatch):
    # meta tensors have no marks of their padding
    monkeypatch.setattr(Content, 'of', lambda images: Content(tuple(images.shape[-2:]), SIZES))
    model = MODELS.build(dict(type='mmdefusion.DeFusionPP', arch=SMALL) | FORMS[form]).to('meta').train()
    with CudaAutocast(torch.bfloat16):
        maps = model(torch.empty(2, 6, 96, 96, device='meta'))
    assert all(one.is_meta and one.is_contiguous() for one in maps)
    if any(one.requires_grad for one in maps):
        sum(one.float().sum() for one in maps).backward()
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    assert [name for name, value in trained.items() if value.grad is None] == []
    assert {value.grad.dtype for value in trained.values()} <= {torch.float32}
