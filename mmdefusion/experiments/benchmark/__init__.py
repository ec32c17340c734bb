from .data_set import DataSet
from .entry import Entry
from .fairness import describe_fairness
from .fused_images import reads_fused_images, write_fused_images
from .plan import Budget, Comparison
from .report import write_report

__all__ = [
    'Budget',
    'Comparison',
    'DataSet',
    'Entry',
    'describe_fairness',
    'reads_fused_images',
    'write_fused_images',
    'write_report',
]
