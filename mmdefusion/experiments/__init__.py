"""Plans, runs, resumes and compares trainings."""

from mmdefusion.utils.lazy import lazy_exports

_HOMES = {'Disturbance': 'disturbances', 'Launcher': 'launcher', 'Trial': 'trial', 'use_tta': 'disturbances'}

__all__ = [*_HOMES]

__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
