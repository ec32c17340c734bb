import pytest
import torch

from mmdefusion.models.data_preprocessors import PretrainingDataPreprocessor


def test_channels():
    preprocess = PretrainingDataPreprocessor()
    image = torch.tensor([10, 20, 30, 40, 50, 60], dtype=torch.uint8).view(6, 1, 1).expand(6, 4, 4)
    for channels, expected in ((3, [30, 20, 10]), (4, [30, 20, 10, 40, 40, 40]), (6, [30, 20, 10, 60, 50, 40])):
        inputs = preprocess(dict(inputs=[image[:channels]] * 2, data_samples=[]))['inputs']
        assert inputs.shape == (2, len(expected), 4, 4)
        assert torch.allclose(inputs[1, :, 0, 0] * 255, torch.tensor(expected, dtype=torch.float32))


def test_what_does_not_fit():
    preprocess = PretrainingDataPreprocessor()
    with pytest.raises(ValueError, match='5 channels'):
        preprocess(dict(inputs=[torch.zeros(5, 4, 4, dtype=torch.uint8)]))
    with pytest.raises(ValueError, match=r'shapes \[\(3, 4, 4\), \(3, 4, 5\)\]'):
        preprocess(dict(inputs=[torch.zeros(3, 4, 4), torch.zeros(3, 4, 5)]))
