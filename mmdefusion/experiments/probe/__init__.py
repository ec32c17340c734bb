"""How much a network's tokens say of what lies in a patch: a small classifier on frozen features, on labelled pairs."""

from .classifier import Patches, ProbeSettings, average_precision, probe
from .features import TOKENS, FeatureReader
from .pairs import LabelledPairs

__all__ = ['TOKENS', 'FeatureReader', 'LabelledPairs', 'Patches', 'ProbeSettings', 'average_precision', 'probe']
