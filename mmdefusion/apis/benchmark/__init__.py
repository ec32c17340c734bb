from .entry import Entry
from .plan import Budget, DataSet, describe_fairness, plan, reads_fused_images, short_name, write_fused_images
from .report import write_report

__all__ = [
    'Budget',
    'DataSet',
    'Entry',
    'describe_fairness',
    'plan',
    'reads_fused_images',
    'short_name',
    'write_fused_images',
    'write_report',
]
