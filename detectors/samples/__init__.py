"""Two-sample tests of rows: two sets of rows in, one statistic and its p-value out.

Each lives in a module of its own name. They take rows as the sampling unit: they answer "could two
samples of one law look like this?".
"""

from detectors.samples.by_name import SAMPLE_TESTS, sample_tests
from detectors.samples.classifier_two_sample import ClassifierTest, classifier_two_sample
from detectors.samples.energy_distance import energy_distance
from detectors.samples.mixed import Mixed
from detectors.samples.mmd import mmd
from detectors.samples.permutations import PermutationTest

__all__ = [
    "SAMPLE_TESTS",
    "ClassifierTest",
    "Mixed",
    "PermutationTest",
    "classifier_two_sample",
    "energy_distance",
    "mmd",
    "sample_tests",
]
