"""Turns a module into an ONNX file with two named inputs."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import ModelProto, TensorProto, helper
from torch import nn
from torch.export import Dim

from mmdefusion.models.checkpoints.archives import first_line
from mmdefusion.utils.files import write_bytes

from ..metadata import KEY, Metadata

OPSET = 18
EXAMPLE = 2, 3, 117, 149  # odd sides and two pairs, so that every branch for padding and batches is in the graph
DIMS = ('batch', None, 'height', 'width')


def trace(
    module: nn.Module,
    outputs: Sequence[str],
    size: tuple[int, int] | None = None,
    translations: Mapping[Any, Callable] | None = None,
) -> ModelProto:
    """Traces a module with torch's exporter.

    Args:
        module: takes visible and infrared images, N×3×H×W float32 from 0 to 255.
        outputs: names of what it returns.
        size: height and width; None leaves batch, height and width open.
        translations: ONNX for operators that are not torch's own.

    Raises:
        ValueError: if torch's exporter does not come through the module.
    """
    example = (1, 3, *size) if size else EXAMPLE
    torch.manual_seed(0)
    images = tuple(torch.rand(example) * 255 for _ in range(2))
    free = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    try:
        with torch.no_grad(), slices_kept():
            program = torch.onnx.export(
                module.eval(),
                images,
                dynamo=True,
                dynamic_shapes=None if size else (free, free),
                input_names=['visible', 'infrared'],
                output_names=list(outputs),
                opset_version=OPSET,
                custom_translation_table=dict(translations or {}),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        why = error.__cause__ or error  # its own message is a page of advice
        remedy = 'report it with the config' if size else 'name one size of images (--size), which asks less of it'
        raise ValueError(
            f"torch's exporter does not come through this network ({type(why).__name__}: {first_line(why)}): {remedy}."
        ) from error
    return program.model_proto


@contextmanager
def slices_kept() -> Iterator[None]:
    """Switches off the rule of onnxscript's optimizer that makes a Split of two Slices.

    For each node it looks at all nodes, so that its time grows with the square of their number: minutes for thousands,
    where all other rules together take seconds. What it gains, one operator for two, is nothing that can be measured.
    """
    from onnxscript.rewriter.rules.common import slice_split_rule

    slice_split_rule.try_rewrite = lambda *_, **__: None
    try:
        yield
    finally:
        del slice_split_rule.try_rewrite


def finish(model: ModelProto, metadata: Metadata) -> ModelProto:
    """A copy of a traced graph with inputs of any dtype and one or three infrared channels, names and metadata."""
    traced, model = model, ModelProto()
    model.CopyFrom(traced)
    graph = model.graph
    batch, _, height, width = (dim.dim_value or name for dim, name in zip(_dims(graph.input[0]), DIMS, strict=True))
    kind = TensorProto.UINT8 if metadata.pixels == 'uint8' else TensorProto.FLOAT
    nodes = []
    for name, channels in (('visible', 3), ('infrared', 'infrared_channels')):
        for node in graph.node:
            node.input[:] = [f'{name}_rgb' if one == name else one for one in node.input]
        nodes += [
            helper.make_node('Cast', [name], [f'{name}_float'], f'{name}_cast', to=TensorProto.FLOAT),
            helper.make_node('Expand', [f'{name}_float', 'three_channels'], [f'{name}_rgb'], f'{name}_expand'),
        ]
        shape = helper.make_tensor_value_info(name, kind, [batch, channels, height, width])
        next(one for one in graph.input if one.name == name).CopyFrom(shape)
    graph.initializer.append(helper.make_tensor('three_channels', TensorProto.INT64, [4], [1, 3, 1, 1]))
    ours = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *ours])
    del graph.value_info[:]  # shapes with the exporter's own symbols
    for output in graph.output:
        for place, dim in enumerate(_dims(output)):
            if not dim.dim_value:
                dim.dim_param = 'batch' if place == 0 else f'{output.name}_{place}'
    return label(model, metadata)


def label(model: ModelProto, metadata: Metadata) -> ModelProto:
    """Writes metadata into a model, in place of those that it has."""
    del model.metadata_props[:]
    helper.set_model_props(model, {KEY: metadata.to_text()})
    model.producer_name, model.producer_version = 'mmdefusion', metadata.version
    return model


def write(model: ModelProto, path: str | os.PathLike) -> Path:
    """Checks a model and writes it whole, or not at all.

    Raises:
        OSError: if the file cannot be written.
    """
    onnx.checker.check_model(model)
    return write_bytes(path, model.SerializeToString())


def _dims(info: onnx.ValueInfoProto) -> Sequence[Any]:
    return info.type.tensor_type.shape.dim
