"""How good the model was, by its labels, and how good it is expected to be without them."""

from detectors.performance.told import expected, fairness, realised

__all__ = ["expected", "fairness", "realised"]
