"""mmdefusion: DeFusion++ (image fusion by decomposition) as backbone and necks for OpenMMLab."""

from .version import __version__

__all__ = ['__version__']
