"""Compares models on one data set with the same budget."""

from .budget import Budget
from .data_set import DataSet
from .models import Candidate, find_candidates, find_models, known_models, models_by_task
from .plan import Comparison
from .run import Benchmark, run_benchmark

__all__ = [
    'Benchmark',
    'Budget',
    'Candidate',
    'Comparison',
    'DataSet',
    'find_candidates',
    'find_models',
    'known_models',
    'models_by_task',
    'run_benchmark',
]
