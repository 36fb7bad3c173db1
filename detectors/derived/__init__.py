"""Columns that are neither numbers nor categories become some that are.

A text, a timestamp, a vector are not binned themselves: what is said of each is a handful of
plain columns, which are counted, decided and shown like all others.
"""

from detectors.derived.derivation import Derivation, Derived
from detectors.derived.derivations import Derivations
from detectors.derived.text import TextDerivation
from detectors.derived.timestamp import TimestampDerivation
from detectors.derived.vector import VectorDerivation

__all__ = [
    "Derivation",
    "Derivations",
    "Derived",
    "TextDerivation",
    "TimestampDerivation",
    "VectorDerivation",
]
