"""The weights in an ONNX file, under the names of the modules that were exported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import torch

from .archives import first_line
from .errors import CheckpointError
from .onnx_sizes import check_sizes
from .unwrap import State

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

SUFFIX = '.onnx'
MAX_SIZE = 2**31  # bytes: protobuf reads no more
ANONYMOUS = '::'  # in the names that PyTorch's exporter gives to what it has computed from a parameter
MAX_EMBEDDINGS = 4  # whose positions are joined, in new memory
POSITIONS = 'position_embeddings'  # Hugging Face's name of what its embeddings add


def read_onnx(file: BinaryIO, name: str) -> State:
    """The tensors of a network that PyTorch exported (``torch.onnx.export(..., dynamo=False)``), by module.

    The exporter keeps the names of parameters, but of the matrices of linear maps, which it transposes, and of
    Hugging Face's learned positions, which it cuts in two. Their modules are told by the nodes that read them.

    Args:
        file: an open file.
        name: its name in error messages.

    Raises:
        CheckpointError: if it is no ONNX file, has much beside weights, keeps these in other files, or onnx is not
            installed.
    """
    size = os.fstat(file.fileno()).st_size
    if size > MAX_SIZE:
        raise CheckpointError(f'{name} has {size} bytes; ONNX files of up to {MAX_SIZE} are read.')
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise CheckpointError(f'{name} is an ONNX file, which takes onnx to read: pip install onnx') from None
    try:
        content = file.read(size)
        check_sizes(content)
        graph = onnx.load_model_from_string(content).graph
        stored = {tensor.name: _tensor(tensor, name) for tensor in graph.initializer if _is_weight(tensor)}
        found = dict(_by_module(graph, stored))  # names that are no UTF-8 are bytes, and a TypeError
        found = {key: value for key, value in stored.items() if ANONYMOUS not in key} | found
    except CheckpointError:
        raise
    except (DecodeError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f'{name} is no whole ONNX file ({first_line(error)}).') from None
    if not stored:
        raise CheckpointError(f'{name} holds no weights, or is no ONNX file.')
    return found


def _is_weight(tensor: TensorProto) -> bool:
    return tensor.data_type in (tensor.FLOAT, tensor.FLOAT16, tensor.BFLOAT16, tensor.DOUBLE)


def _tensor(tensor: TensorProto, name: str) -> torch.Tensor:
    from onnx.numpy_helper import to_array

    if tensor.data_location == tensor.EXTERNAL:  # its path is the file's to choose
        raise CheckpointError(f'{name} keeps its weights in other files; only what it holds itself is read.')
    value = to_array(tensor)
    if tensor.data_type == tensor.BFLOAT16:
        return torch.tensor(value.astype('float32')).bfloat16()  # NumPy has no such type
    return torch.tensor(value)


def _by_module(graph: GraphProto, stored: State) -> Iterator[tuple[str, torch.Tensor]]:
    positions: dict[str, dict[str, torch.Tensor]] = {}
    for node in graph.node:
        module = _module(node)
        for key in node.input:
            if key not in stored or ANONYMOUS not in key or not module:
                continue
            value = stored[key]
            if node.op_type == 'MatMul' and value.ndim == 2:
                yield f'{module}.weight', value.T
            elif module.endswith('embeddings') and value.ndim == 3 and len(value) == 1:
                positions.setdefault(module, {})[key] = value
    for module, parts in list(positions.items())[:MAX_EMBEDDINGS]:
        parts = sorted(parts.values(), key=lambda part: part.shape[1])  # the class token's is one
        if len(parts) == 2 and len(parts[0][0]) == 1 and parts[0].shape[2] == parts[1].shape[2]:
            yield f'{module}.{POSITIONS}', torch.cat(parts, 1)


def _module(node: NodeProto) -> str:
    """``'encoder.layer.0.mlp.fc1'`` of the node ``'/encoder/layer.0/mlp/fc1/MatMul'``."""
    return '.'.join(node.name.split('/')[1:-1])
