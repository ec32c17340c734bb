"""Asks which optional packages are installed, and says how to install one that is not."""

from importlib.util import find_spec

# What extras need beyond the toolboxes (requirements/EXTRA.txt). OpenCV is left out: the toolboxes bring another build
# of it, which a second one would break.
EXTRAS = {
    'deploy': ('onnxruntime>=1.20',),
    'export': ('onnx>=1.17', 'onnxscript>=0.5', 'onnxruntime>=1.20'),
    'hub': ('huggingface_hub>=1.0',),
    'web': ('gradio>=6,<7',),
}


def installed(package: str) -> bool:
    """Whether ``package`` can be imported. mmdet and mmseg are optional, and each works without the other."""
    return find_spec(package) is not None


def missing_extra(extra: str, package: str) -> str:
    """What a message says of a package of an extra that is not installed, without a full stop.

    No registry has mmdefusion, so ``pip install mmdefusion[EXTRA]`` would fetch nothing, or something of a stranger.

    Args:
        extra: a key of ``EXTRAS``.
        package: what cannot be imported.
    """
    needed = ' '.join(f"'{one}'" for one in EXTRAS[extra])
    return f"{package} is not installed: pip install {needed}, or pip install '.[{extra}]' in the checkout"
