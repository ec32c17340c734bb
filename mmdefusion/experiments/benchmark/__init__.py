"""Compares models on one data set with the same budget."""

from mmdefusion.utils.lazy import lazy_exports

_HOMES = {
    'Benchmark': 'run',
    'Budget': 'budget',
    'Candidate': 'models',
    'Comparison': 'plan',
    'DataSet': 'data_set',
    'find_candidates': 'models',
    'find_models': 'models',
    'known_models': 'models',
    'models_by_task': 'models',
    'run_benchmark': 'run',
}

__all__ = [*_HOMES]

__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
