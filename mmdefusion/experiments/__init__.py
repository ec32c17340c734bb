"""Plans, runs, resumes and compares trainings."""

from .disturbances import Disturbance, use_tta
from .launcher import Launcher
from .trial import Trial

__all__ = ['Disturbance', 'Launcher', 'Trial', 'use_tta']
