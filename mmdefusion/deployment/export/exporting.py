"""Exports a trained network as one ONNX file."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from onnx import ModelProto

from mmdefusion.inference.sources import Item
from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.layers import PATCH_SIZE

from ..metadata import Metadata, Pixels, What
from .halving import to_half
from .limits import check_metadata, check_target
from .loading import Loaded, load
from .pairs import RUNTIMES, find_pairs, network_inputs
from .quantising import quantise
from .verifying import Comparison, verify
from .writing import finish, trace, write

CALIBRATED = 64  # most pairs that 8 bits are calibrated on


@dataclass(frozen=True)
class Exported:
    """A written file.

    Attributes:
        file: its path.
        loaded: the network that it was made of.
        comparison: with PyTorch, where it was asked for.
    """

    file: Path
    loaded: Loaded
    comparison: Comparison | None


def export_network(
    config: str,
    checkpoint: str | None,
    out: str | os.PathLike,
    what: What = 'model',
    size: tuple[int, int] | None = None,
    half: bool = False,
    calibration: str | None = None,
    verification: str | None = None,
    pixels: Pixels = 'float32',
) -> Exported:
    """Loads, traces and writes a network, and compares the file with PyTorch.

    Args:
        config, checkpoint, what: see :func:`load`.
        out: the file to write.
        size: height and width of a file for one size; None leaves batch, height and width open.
        half: whether weights and maps have 16 bits.
        calibration: folder of pairs to calibrate 8 bits on; None leaves them out.
        verification: folder of pairs for the comparison; None leaves it out.
        pixels: dtype of both inputs.

    Raises:
        OSError: if a file does not exist or cannot be written.
        ValueError: if the network cannot be exported, or the arguments do not go together.
    """
    if half and calibration:
        raise ValueError('A file has 16 bits (--fp16) or 8 (--int8), not both: leave one out.')
    check_metadata(Metadata('fuse', size=size))
    check_target(out)
    to_calibrate, to_verify = (find_pairs(one) if one else [] for one in (calibration, verification))
    loaded = load(config, checkpoint, what)
    model, metadata = trace_loaded(loaded, size, pixels)
    if half:
        model = to_half(model, metadata)
    if to_calibrate:
        model = to_bytes(model, metadata, to_calibrate)
    file = write(model, out)
    return Exported(file, loaded, verify(file, loaded, to_verify) if to_verify else None)


def trace_loaded(
    loaded: Loaded, size: tuple[int, int] | None, pixels: Pixels = 'float32'
) -> tuple[ModelProto, Metadata]:
    """The graph of a network in single precision, and what is told about it; arguments as in :func:`export_network`.

    Raises:
        ValueError: if the network attends within windows and no size is named, a fuser is to see parts of patches, or
            the runtime would not read the file.
    """
    encoders = [part for part in loaded.module.modules() if isinstance(part, DeFusionEncoder)]
    if size is None and any(encoder.window for encoder in encoders):
        raise ValueError(
            'The network attends within windows, which are laid out for one size of images: name it (--size 640x512, '
            'say), or leave windows out of the config (window=None, pooling=None; the same weights fit).'
        )
    metadata = replace(loaded.metadata, size=size, pixels=pixels)
    check_metadata(metadata)
    if size and metadata.task == 'fuse' and metadata.what == 'model' and any(side % PATCH_SIZE for side in size):
        height, width = (-(-side // PATCH_SIZE) * PATCH_SIZE for side in size)
        any_size = '' if any(encoder.window for encoder in encoders) else ', or none'
        raise ValueError(
            f'--size {size[1]}x{size[0]}: larger images are fused in windows of this size, which are whole patches of '
            f'{PATCH_SIZE} pixels: take --size {width}x{height}{any_size}.'
        )
    graph = trace(loaded.module, loaded.module.outputs, size, translations(metadata.task))
    return finish(graph, metadata), metadata


def to_bytes(model: ModelProto, metadata: Metadata, items: Sequence[Item]) -> ModelProto:
    """The model with weights and maps of 8 bits, calibrated on the first pairs."""
    with tempfile.TemporaryDirectory() as folder:
        whole = write(model, Path(folder, 'fp32.onnx'))
        images = metadata.task == 'fuse' or metadata.what == 'features'
        runtime = None if images else RUNTIMES[metadata.task](whole, show_progress=False)
        return quantise(model, metadata, network_inputs(items[:CALIBRATED], metadata, runtime))


def translations(task: str) -> dict:
    """ONNX for the operators of a task that are not torch's own."""
    if task == 'fuse':
        return {}
    from .operators import TRANSLATIONS

    return TRANSLATIONS
