"""Weights and products of 16 bits, as autocast has them in PyTorch."""

from dataclasses import replace

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

from ..metadata import Metadata
from .writing import label

PRODUCTS = ('Conv', 'ConvTranspose', 'MatMul', 'Gemm')


def to_half(model: ModelProto, metadata: Metadata) -> ModelProto:
    """A copy whose convolutions and matrix products have 16 bits, with their weights.

    All else keeps 32 bits: in 16, a coordinate beyond 512 pixels would be rounded to half a pixel, and the sum of a
    residual stream to three digits.

    Args:
        model: a finished graph of 32 bits.
        metadata: of the model.
    """
    half = ModelProto()
    half.CopyFrom(model)
    graph, casts, nodes = half.graph, {}, []
    weights = weights_of_products(graph)
    for weight in graph.initializer:
        if weight.name in weights:
            values = numpy_helper.to_array(weight)
            weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), weight.name))
    for node in graph.node:
        if node.op_type not in PRODUCTS:
            nodes.append(node)
            continue
        for place, name in enumerate(node.input):
            if name and name not in weights:
                if name not in casts:
                    casts[name] = f'{name}_half'
                    nodes.append(helper.make_node('Cast', [name], [casts[name]], casts[name], to=TensorProto.FLOAT16))
                node.input[place] = casts[name]
        (whole,) = node.output
        node.output[0] = f'{whole}_of_halves'
        nodes += [node, helper.make_node('Cast', [node.output[0]], [whole], f'{whole}_whole', to=TensorProto.FLOAT)]
    ordered = GraphProto(node=nodes)  # copies, as clearing the graph spoils its own nodes
    del graph.node[:]
    graph.node.extend(ordered.node)
    return label(half, replace(metadata, precision='fp16'))


def weights_of_products(graph: GraphProto) -> set[str]:
    """Names of the initializers that only products read."""
    named = {one.name for one in graph.initializer if one.data_type == TensorProto.FLOAT}
    read = {name for node in graph.node if node.op_type in PRODUCTS for name in node.input}
    others = {name for node in graph.node if node.op_type not in PRODUCTS for name in node.input}
    return (named & read) - others
