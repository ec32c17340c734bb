"""Checks the data sets of a config before a run: which files are missing or broken, which settings make no sense."""

from .configs import SPLITS, check_config
from .dataset import check_dataset
from .report import SplitReport

__all__ = ['SPLITS', 'SplitReport', 'check_config', 'check_dataset']
