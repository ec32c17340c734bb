"""What a user calls. Each is imported when it is first asked for: fusing needs neither mmcv nor a toolbox."""

from importlib import import_module
from typing import Any

from mmdefusion.utils.compat import installed

_ROOMS = {
    'FusionInferencer': 'fusion_inferencer',
    'load_fuser': 'loading',
    'shipped_weights': 'loading',
    **({'PairedDetInferencer': 'paired_det_inferencer'} if installed('mmdet') else {}),
    **({'PairedSegInferencer': 'paired_seg_inferencer'} if installed('mmseg') else {}),
}
__all__ = list(_ROOMS)


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f'{__name__} has no {name}.')
    return getattr(import_module(f'.{_ROOMS[name]}', __name__), name)
