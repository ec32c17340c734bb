"""The public API: inferencers, and loading of a network from a checkpoint."""

from mmdefusion.utils.lazy import lazy_exports

_HOMES = {
    'FusionInferencer': 'fusion_inferencer',
    'NotAllDone': '.inference.outputs',
    'PairedDetInferencer': 'paired_det_inferencer',
    'PairedSegInferencer': 'paired_seg_inferencer',
    'load_fuser': 'fuser_loading',
    'open_paired': 'paired_opening',
}

__all__ = [*_HOMES]

__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
