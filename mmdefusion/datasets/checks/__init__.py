"""Looks over the data sets of a config before a run: what is there, what is missing, broken, or senseless."""

from .configs import SPLITS, check_config
from .dataset import check_dataset
from .report import SplitReport

__all__ = ['SPLITS', 'SplitReport', 'check_config', 'check_dataset']
