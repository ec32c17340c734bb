"""Probes how much tokens tell of the objects in a patch: a small classifier on frozen features of labelled pairs."""

from .classifier import Patches, ProbeSettings, average_precision, probe
from .features import TOKENS, FeatureReader
from .pairs import LabelledPairs

__all__ = ['TOKENS', 'FeatureReader', 'LabelledPairs', 'Patches', 'ProbeSettings', 'average_precision', 'probe']
