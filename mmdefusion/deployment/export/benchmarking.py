"""Measures a network in PyTorch and as exported files, side by side in one process."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from mmdefusion.utils.compat import installed
from mmdefusion.utils.measuring import measure

from ..network import OnnxNetwork
from .exporting import to_bytes, translations
from .loading import Loaded, load
from .pairs import RUNTIMES, find_pairs, network_inputs
from .verifying import match_boxes
from .writing import finish, to_half, trace, write

FORMS = ('eager', 'compiled', 'onnxruntime', 'openvino')
PRECISIONS = ('fp32', 'fp16', 'int8')
Images = tuple[np.ndarray, np.ndarray]
Run = Callable[[np.ndarray, np.ndarray], Sequence[np.ndarray]]


@dataclass(frozen=True)
class Row:
    """One form of the network.

    Attributes:
        form, precision: see ``FORMS`` and ``PRECISIONS``.
        seconds: median time of a pair.
        peak_bytes: peak memory of the process while it ran, libraries and the other forms' weights included.
        megabytes: size of the file; None in PyTorch.
        agreement: with eager PyTorch: dB of the peak signal-to-noise ratio of fused images and features, percent of
            boxes that match, or percent of pixels with equal labels.
    """

    form: str
    precision: str
    seconds: float
    peak_bytes: int
    megabytes: float | None
    agreement: float


def benchmark(
    config: str,
    checkpoint: str | None,
    pairs: str,
    folder: Path,
    size: tuple[int, int] | None,
    forms: Sequence[str] = FORMS,
    precisions: Sequence[str] = PRECISIONS,
    repeats: int = 3,
) -> Iterator[Row]:
    """Yields a row for each form and precision that is installed and exists.

    Args:
        config, checkpoint: see :func:`load`.
        pairs: folder of pairs; all are compared, the first is timed, 8 bits are calibrated on all.
        folder: where the files are written.
        size: of files for one size; None for open sizes.
        forms, precisions: those to measure.
        repeats: runs that are timed.

    Raises:
        OSError, ValueError: see :func:`export_network`.
    """
    items, loaded = find_pairs(pairs), load(config, checkpoint)
    metadata = replace(loaded.metadata, size=size)
    model = finish(trace(loaded.module, loaded.module.outputs, size, translations(metadata.task)), metadata)
    files = {'fp32': write(model, folder / 'fp32.onnx')}
    if 'int8' in precisions:
        files['int8'] = write(to_bytes(model, metadata, items), folder / 'int8.onnx')
    if 'fp16' in precisions:  # last, as it changes the model in place
        files['fp16'] = write(to_half(model, metadata), folder / 'fp16.onnx')
    runtime = None if metadata.task == 'fuse' else RUNTIMES[metadata.task](files['fp32'], show_progress=False)
    inputs = list(network_inputs(items, metadata, runtime))
    wanted = [in_torch(loaded.module)(*pair) for pair in inputs]
    for form in forms:
        for precision in precisions if form in ('onnxruntime', 'openvino') else ('fp32',):
            file = files[precision]
            run = prepare(form, precision, file, loaded, inputs)
            if run is None:
                continue
            measured = measure(lambda run=run: run(*inputs[0]), repeats, torch.device('cpu'))
            found = [run(*pair) for pair in inputs]
            in_file = form in ('onnxruntime', 'openvino')
            yield Row(
                form,
                precision,
                measured.seconds,
                measured.peak_bytes,
                file.stat().st_size / 1e6 if in_file else None,
                float(np.mean([agree(metadata.task, a, b) for a, b in zip(found, wanted, strict=True)])),
            )


def prepare(form: str, precision: str, file: Path, loaded: Loaded, inputs: Sequence[Images]) -> Run | None:
    """The network in one form; None where that is not installed, or has no such precision of its own."""
    if form == 'eager':
        return in_torch(loaded.module)
    if form == 'compiled':
        return in_torch(torch.compile(loaded.module))
    if form == 'onnxruntime':
        return OnnxNetwork(file)
    if form == 'openvino' and installed('openvino') and precision != 'fp16':  # a CPU computes in 32 bits all the same
        return in_openvino(file.with_name('fp32.onnx'), precision, inputs)
    return None


def in_torch(module: torch.nn.Module) -> Run:
    def run(visible: np.ndarray, infrared: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode():
            pair = torch.from_numpy(visible), torch.from_numpy(infrared).expand(-1, 3, -1, -1)
            return [output.numpy() for output in module(*pair)]

    return run


def in_openvino(file: Path, precision: str, inputs: Sequence[Images]) -> Run | None:
    """OpenVINO on the CPU; 8 bits by NNCF, where it is installed."""
    import openvino

    model = openvino.Core().read_model(file)
    if precision == 'int8':
        if not installed('nncf'):
            return None
        import nncf

        feeds = nncf.Dataset(inputs, lambda pair: dict(visible=pair[0], infrared=pair[1]))
        model = nncf.quantize(model, feeds, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(inputs))
    compiled = openvino.Core().compile_model(model, 'CPU')
    names = [output.get_any_name() for output in compiled.outputs]

    def run(visible: np.ndarray, infrared: np.ndarray) -> list[np.ndarray]:
        found = compiled(dict(visible=visible, infrared=infrared))
        return [found[name] for name in names]

    return run


def agree(task: str, found: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> float:
    """See :class:`Row`."""
    if task == 'segment':
        return 100 * float((found[0] == wanted[0]).mean())
    if task == 'detect':
        names = 'bboxes', 'scores', 'labels'
        ours, theirs = (
            {name: values[0][outputs[2][0] >= 0] for name, values in zip(names, outputs, strict=True)}
            for outputs in (found, wanted)
        )
        matched, total = match_boxes(ours, theirs)
        return 100 * matched / total if total else 100.0
    return float(10 * np.log10(1 / max(float(np.mean((found[0] - wanted[0]) ** 2)), 1e-12)))
