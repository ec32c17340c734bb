"""Time and memory of DeFusion++ against its textbook form and what one would use instead."""

from .guard import Change, compare, ratios
from .report import Result, exponents, lines, measure_works, write_report
from .works import FORMS, WORKS

__all__ = [
    'FORMS',
    'WORKS',
    'Change',
    'Result',
    'compare',
    'exponents',
    'lines',
    'measure_works',
    'ratios',
    'write_report',
]
