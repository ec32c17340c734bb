"""What is traced for open sizes does what PyTorch does; what cannot be is told in a line."""

import numpy as np
import pytest
import torch
from torch import nn

from mmdefusion.deployment.export.inputs import PairInput
from mmdefusion.deployment.export.writing import trace
from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.data_preprocessors import PairNormalizer
from mmdefusion.models.layers.padding import exported_size

WITH_REGISTERS = dict(embed_dims=16, depth=1, num_heads=2, last_num_heads=2, num_registers=3)


class Encoded(nn.Module):
    """The last tokens of both images."""

    outputs = ('visible_tokens', 'infrared_tokens')

    def __init__(self, encoder: DeFusionEncoder) -> None:
        super().__init__()
        self.input = PairInput(PairNormalizer())
        self.encoder = encoder

    def forward(self, visible: torch.Tensor, infrared: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with exported_size(tuple(visible.shape[-2:])):
            return tuple(self.encoder(self.input(visible, infrared)).deep)


def test_registers_of_any_size_and_batch():
    onnxruntime = pytest.importorskip('onnxruntime')
    module = Encoded(DeFusionEncoder(WITH_REGISTERS)).eval()
    nn.init.normal_(module.encoder.register_tokens)
    session = onnxruntime.InferenceSession(trace(module, module.outputs).SerializeToString())
    for size in ((1, 3, 64, 48), (3, 3, 37, 90)):
        pair = [torch.rand(size) * 255 for _ in range(2)]
        found = session.run(None, dict(zip(('visible', 'infrared'), map(torch.Tensor.numpy, pair), strict=True)))
        with torch.no_grad():
            for one, other in zip(found, module(*pair), strict=True):
                np.testing.assert_allclose(one, other.numpy(), atol=1e-4)


class Foreign(nn.Module):
    """A network with something in it that no exporter knows."""

    outputs = ('same',)

    def forward(self, visible: torch.Tensor, infrared: torch.Tensor) -> tuple[torch.Tensor]:
        raise RuntimeError('no such operator\nand a page of advice')


@pytest.mark.parametrize('size, remedy', [(None, r'name one size of images \(--size\)'), ((32, 32), 'report it')])
def test_what_the_exporter_cannot_do_is_told_in_a_line(size, remedy):
    said = f"torch's exporter does not come through this network .*no such operator.*: {remedy}"
    with pytest.raises(ValueError, match=said) as error:
        trace(Foreign(), Foreign.outputs, size)
    assert '\n' not in str(error.value)
