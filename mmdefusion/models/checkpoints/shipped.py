"""The weights that come with the package, by name: ``'tiny'`` may stand wherever a checkpoint is named."""

from pathlib import Path

WEIGHTS = Path(__file__).resolve().parents[2] / 'weights'
STEM = 'defusionpp_'  # before the name of the model; behind it come a hyphen and the hash


def shipped() -> dict[str, Path]:
    """The files that come with the package, by the name of their model."""
    return {path.stem.removeprefix(STEM).rpartition('-')[0]: path for path in sorted(WEIGHTS.glob(f'{STEM}*.pth'))}


def shipped_weights(name: str = 'tiny') -> str:
    """The path of weights that come with the package.

    Args:
        name: name of the model.

    Raises:
        FileNotFoundError: if no weights of this name come with the package.
    """
    if name not in shipped():
        held = ', '.join(shipped()) or 'none'
        raise FileNotFoundError(f'No weights {name!r} come with mmdefusion ({WEIGHTS} has {held}): name a checkpoint.')
    return str(shipped()[name])
