"""mmdefusion: DeFusion++ (image fusion by decomposition) as a backbone and necks for OpenMMLab.

The names below are imported at first use: ``import mmdefusion`` takes milliseconds, and fusing two images imports
neither mmcv nor mmdet nor mmseg.
"""

from .utils.lazy import lazy_exports
from .version import __version__

_HOMES = {
    'DeFusionEncoder': 'models.backbones',
    'DeFusionPP': 'models.defusion_pp',
    'FusionInferencer': 'apis',
    'NotAllDone': 'apis',
    'PairedDetInferencer': 'apis',
    'PairedSegInferencer': 'apis',
    'load_fuser': 'apis',
    'open_paired': 'apis',
    'run_benchmark': 'experiments.benchmark',
}

__all__ = ['__version__', *_HOMES]

__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
