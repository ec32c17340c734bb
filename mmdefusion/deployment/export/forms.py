"""The forms in which one network runs: PyTorch, compiled or not, onnxruntime, OpenVINO. All are called alike."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mmdefusion.utils.compat import installed

from ..metadata import Metadata
from ..network import OnnxNetwork, one_by_one
from .pairs import Images

# what each form computes in; a CPU has no arithmetic of 16-bit floats for onnxruntime, so that a file of them is small
PRECISIONS = {
    'eager': ('fp32', 'bf16'),
    'compiled': ('fp32', 'bf16'),
    'onnxruntime': ('fp32', 'fp16', 'int8'),
    'openvino': ('fp32', 'bf16', 'int8'),
}
Run = Callable[[np.ndarray, np.ndarray], Sequence[np.ndarray]]


class Form:
    """A network in one form, called as :class:`OnnxNetwork`, so that the runtime can take it instead.

    Args:
        run: takes both inputs as float32, and gives all outputs.
        names: of the outputs.
        metadata: of the network.
    """

    def __init__(self, run: Run, names: Sequence[str], metadata: Metadata) -> None:
        self.run, self.names, self.metadata = run, list(names), metadata

    def __call__(
        self, visible: np.ndarray, infrared: np.ndarray, outputs: Sequence[str] | None = None
    ) -> list[np.ndarray]:
        if self.metadata.size and len(visible) > 1:
            return one_by_one(lambda image, other: self(image, other, outputs), visible, infrared)
        found = self.run(visible.astype(np.float32), infrared.astype(np.float32))
        return [found[self.names.index(name)] for name in outputs or self.names]


def prepare(
    form: str,
    precision: str,
    files: dict[str, Path],
    module: nn.Module,
    metadata: Metadata,
    calibration: Sequence[Images],
    threads: int,
) -> Form | None:
    """The network in one form; None where that is not installed.

    Args:
        form, precision: see ``PRECISIONS``.
        files: the exported files, by precision.
        module: the network in PyTorch.
        metadata: of the network.
        calibration: inputs for the 8 bits of OpenVINO.
        threads: threads of one run.
    """
    if form == 'onnxruntime':
        run = OnnxNetwork(files[precision], threads=threads)
    elif form == 'openvino':
        run = in_openvino(files['fp32'], precision, calibration, threads)
    else:
        run = in_torch(torch.compile(module) if form == 'compiled' else module, precision)
    return run and Form(run, module.outputs, metadata)


def in_torch(module: Callable, precision: str = 'fp32') -> Run:
    """PyTorch; bf16 by autocast."""

    def run(visible: np.ndarray, infrared: np.ndarray) -> list[np.ndarray]:
        half = torch.autocast('cpu', torch.bfloat16) if precision == 'bf16' else nullcontext()
        with torch.inference_mode(), half:
            pair = torch.from_numpy(visible), torch.from_numpy(infrared).expand(-1, 3, -1, -1)
            outputs = module(*pair)
        return [(one.float() if one.is_floating_point() else one).numpy() for one in outputs]

    return run


def in_openvino(file: Path, precision: str, calibration: Sequence[Images], threads: int) -> Run | None:
    """OpenVINO on the CPU; 8 bits by NNCF. None where that is not installed."""
    if not installed('openvino') or (precision == 'int8' and not installed('nncf')):
        return None
    import openvino

    model = openvino.Core().read_model(file)
    if precision == 'int8':
        import nncf

        feeds = nncf.Dataset(calibration, lambda pair: dict(visible=pair[0], infrared=pair[1]))
        model = nncf.quantize(model, feeds, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(calibration))
    # asked for by name, as OpenVINO computes in bf16 by itself where the processor can
    settings: dict[str, Any] = dict(
        INFERENCE_PRECISION_HINT='bf16' if precision == 'bf16' else 'f32', INFERENCE_NUM_THREADS=threads
    )
    compiled = openvino.Core().compile_model(model, 'CPU', settings)
    names = [output.get_any_name() for output in compiled.outputs]

    def run(visible: np.ndarray, infrared: np.ndarray) -> list[np.ndarray]:
        found = compiled(dict(visible=visible, infrared=infrared))
        return [found[name] for name in names]

    return run
