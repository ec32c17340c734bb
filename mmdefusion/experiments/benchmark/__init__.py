"""Compares models on one data set with the same budget."""

from .data_set import DataSet
from .models import find_models, known_models
from .plan import Budget, Comparison
from .run import Benchmark, run_benchmark

__all__ = ['Benchmark', 'Budget', 'Comparison', 'DataSet', 'find_models', 'known_models', 'run_benchmark']
