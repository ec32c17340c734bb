"""Trainings that are planned, run, resumed and compared, on top of what a user calls (``apis``)."""

from .disturbances import Disturbance, use_tta
from .launcher import Launcher
from .trial import Trial

__all__ = ['Disturbance', 'Launcher', 'Trial', 'use_tta']
