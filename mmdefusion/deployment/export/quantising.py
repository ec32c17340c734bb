"""Weights and maps of 8 bits, calibrated on real pairs."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto

from ..metadata import Metadata
from .writing import label

WEIGHTED = ('Conv', 'MatMul', 'Gemm')


class Feeds:
    """Pairs for onnxruntime's calibration."""

    def __init__(self, pairs: Iterable[tuple[np.ndarray, np.ndarray]], pixels: str) -> None:
        self.feeds: Iterator[dict[str, np.ndarray]] = (
            dict(visible=visible.astype(pixels), infrared=infrared.astype(pixels)) for visible, infrared in pairs
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next pair, None at the end."""
        return next(self.feeds, None)


def quantise(model: ModelProto, metadata: Metadata, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> ModelProto:
    """Convolutions and linear maps in 8 bits; products of two maps (attention) and all else stay in 32.

    Args:
        model: a finished graph of 32 bits.
        metadata: of the model.
        pairs: inputs of the network, one for each pair to calibrate on.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    constants = {one.name for one in model.graph.initializer}
    constants |= {node.output[0] for node in model.graph.node if node.op_type == 'Constant'}
    kept = [
        node.name
        for node in model.graph.node
        if node.op_type in WEIGHTED and not any(name in constants for name in node.input[1:2])
    ]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, 'fp32.onnx'), Path(folder, 'int8.onnx')
        onnx.save(model, source)
        quantize_static(
            source,
            target,
            Feeds(pairs, metadata.pixels),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(WEIGHTED),
            nodes_to_exclude=kept,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            reduce_range=True,  # weights of 7 bits: x86 without VNNI adds products of 8 bits in 16, which overflow
        )
        return label(onnx.load(target), replace(metadata, precision='int8'))
