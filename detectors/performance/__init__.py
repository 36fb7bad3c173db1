"""How good the model was, by its labels, how good it is expected to be without them, and how it
served."""

from detectors.performance.serving import serving
from detectors.performance.told import expected, fairness, realised

__all__ = ["expected", "fairness", "realised", "serving"]
