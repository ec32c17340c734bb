"""Measures a network in PyTorch and as exported files, side by side in one process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from onnx import ModelProto

from mmdefusion.inference.sources import Item
from mmdefusion.utils.measuring import measure

from ..metadata import Metadata
from .accuracy import assess, reading_of_labels
from .exporting import CALIBRATED, to_bytes, trace_loaded
from .forms import PRECISIONS, in_torch, prepare
from .halving import to_half
from .loading import ALL, Cut, load
from .pairs import RUNTIMES, find_pairs, network_inputs
from .verifying import match_boxes
from .writing import write


@dataclass(frozen=True)
class Row:
    """One form of the network.

    Attributes:
        form, precision: see :data:`PRECISIONS`.
        seconds: median time of a pair.
        cpu_seconds: median of the processor time of all threads for a pair, which other processes do not prolong.
        peak_bytes: peak memory of the process while it ran, libraries and the other forms' weights included.
        megabytes: size of the file; None in PyTorch.
        agreement: with eager PyTorch: dB of the peak signal-to-noise ratio of fused images, percent of boxes that
            match, or percent of pixels with equal labels.
        scores: how good the results are, see :func:`assess`.
    """

    form: str
    precision: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    megabytes: float | None
    agreement: float
    scores: dict[str, float] = field(default_factory=dict)


def benchmark(
    config: str,
    checkpoint: str | None,
    pairs: str,
    folder: Path,
    size: tuple[int, int] | None = None,
    forms: Sequence[str] = tuple(PRECISIONS),
    precisions: Sequence[str] | None = None,
    repeats: int = 3,
    calibration: str | None = None,
    truth: Path | None = None,
    threads: int | None = None,
) -> Iterator[Row]:
    """Yields a row for each form and precision that is installed and exists.

    Args:
        config, checkpoint: see :func:`load`.
        pairs: folder of pairs; all are compared and scored, the first is timed.
        folder: where the files are written.
        size: of files for one size; None for open sizes.
        forms, precisions: those to measure; None for all precisions.
        repeats: runs that are timed.
        calibration: folder of pairs for 8 bits; None takes ``pairs``.
        truth: see :func:`assess`.
        threads: of each form; None takes as many as torch has.

    Raises:
        OSError, ValueError: see :func:`export_network` and :func:`assess`.
    """
    threads = threads or torch.get_num_threads()
    torch.set_num_threads(threads)
    items = find_pairs(pairs)
    measured = find_pairs(calibration)[:CALIBRATED] if calibration else items[:CALIBRATED]
    loaded = load(config, checkpoint)
    asked = [(form, p) for form in forms for p in PRECISIONS[form] if precisions is None or p in precisions]
    model, metadata = trace_loaded(loaded, size)
    files = write_files(model, metadata, folder, asked, measured)
    # targets off, as in docs/deployment.md: what is raised or restored afterwards is the same in every form
    options = dict(target='off') if metadata.task == 'fuse' else {}
    runtime = RUNTIMES[metadata.task](files['fp32'], show_progress=False, threads=threads, **options)
    reader = None if metadata.task == 'fuse' else runtime
    inputs = list(network_inputs(items, metadata, reader))
    calibrated = list(network_inputs(measured, metadata, reader))
    segments = truth is not None and metadata.task == 'segment'
    labels = reading_of_labels(Config.fromfile(config).test_dataloader.dataset) if segments else None
    truths = [in_torch(loaded.module)(*pair) for pair in inputs]
    for form, precision in asked:
        network = prepare(form, precision, files, loaded.module, metadata, calibrated, threads)
        if network is None:
            continue
        took = measure(lambda network=network: network(*inputs[0]), repeats, torch.device('cpu'))
        agreements = [
            agree(metadata.task, network(*pair), one, loaded.cut) for pair, one in zip(inputs, truths, strict=True)
        ]
        runtime.network = network
        yield Row(
            form,
            precision,
            took.seconds,
            took.cpu_seconds,
            took.peak_bytes,
            files[precision].stat().st_size / 1e6 if form == 'onnxruntime' else None,
            float(np.mean(agreements)),
            assess(runtime, items, truth, labels),
        )


def write_files(
    model: ModelProto,
    metadata: Metadata,
    folder: Path,
    asked: Sequence[tuple[str, str]],
    measured: Sequence[Item],
) -> dict[str, Path]:
    """Writes the files that forms and precisions need, and returns them by precision; fp32 is always there.

    Args:
        model: the traced network.
        metadata: of the network.
        folder: where the files are written.
        asked: forms, each with a precision.
        measured: pairs that 8 bits are chosen by.
    """
    files = {'fp32': write(model, folder / 'fp32.onnx')}
    if ('onnxruntime', 'int8') in asked:
        files['int8'] = write(to_bytes(model, metadata, measured), folder / 'int8.onnx')
    if ('onnxruntime', 'fp16') in asked:
        files['fp16'] = write(to_half(model, metadata), folder / 'fp16.onnx')
    return files


def agree(task: str, found: Sequence[np.ndarray], wanted: Sequence[np.ndarray], cut: Cut = ALL) -> float:
    """How far results are those of eager PyTorch, see :class:`Row`; ``cut`` says which boxes are kept."""
    if task == 'segment':
        ours, theirs = (one[0].argmax(1) if one[0].ndim == 4 else one[0] for one in (found, wanted))  # logits or labels
        return 100 * float((ours == theirs).mean())
    if task == 'detect':
        names = 'bboxes', 'scores', 'labels'
        ours, theirs = (
            {name: values[0][outputs[2][0] >= 0] for name, values in zip(names, outputs[:3], strict=True)}
            for outputs in (found, wanted)
        )
        matched, total = match_boxes(ours, theirs, cut)
        return 100 * matched / total if total else 100.0
    return float(10 * np.log10(1 / max(float(np.mean((found[0] - wanted[0]) ** 2)), 1e-12)))
