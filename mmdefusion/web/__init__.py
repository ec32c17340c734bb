"""The app for a browser: fuse, detect and segment, compare. Needs gradio, the extra ``web``."""

from mmdefusion.utils.lazy import lazy_exports

_HOMES = {'Settings': 'settings', 'build_app': 'app', 'serve': 'server'}

__all__ = [*_HOMES]

__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
