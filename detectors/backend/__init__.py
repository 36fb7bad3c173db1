"""Devices: one seam of few kernels, in NumPy and in PyTorch.

What is computed from rows is written against `Backend` once. `choose` takes a device by the size
of the work, `in_batches` keeps within its memory.
"""

from detectors.backend.batches import Ran, in_batches
from detectors.backend.choice import BackendError, choose
from detectors.backend.kernels import TOLERANCE, Array, Backend
from detectors.backend.on_numpy import NumpyBackend

__all__ = [
    "TOLERANCE",
    "Array",
    "Backend",
    "BackendError",
    "NumpyBackend",
    "Ran",
    "choose",
    "in_batches",
]
