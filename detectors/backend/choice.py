"""Which backend a piece of work is done on."""

import importlib.util

from detectors.backend.kernels import Backend
from detectors.backend.on_numpy import NumpyBackend

CROSSOVER_VALUES = 1 << 20
"""From so many values (rows × columns) on a CUDA device is expected to be quicker than one core.

Not measured yet: the time of a few dozen launches and two transfers, about a millisecond, at the
hundred million values and more that a core counts in a second, with a margin of ten.
"""

AUTO, CPU = "auto", "cpu"


class BackendError(ValueError):
    """A device was asked for by name and is not to be had."""


def choose(device: str = AUTO, *, n_values: int) -> Backend:
    """The backend for work on so many values.

    device: "cpu" is NumPy; "cuda" or "cuda:1" is PyTorch on that device; "auto" is "cuda" where
        there is one and the work is large enough for it, else "cpu". PyTorch is imported only
        where it may be used. Raises BackendError where the named device is not to be had.
    """
    if device == CPU:
        return NumpyBackend()
    if device.partition(":")[0] == "cuda":
        return _torch(device)
    if device != AUTO:
        raise BackendError(f"device {device!r} is none of auto, cpu, cuda and cuda:NUMBER")
    if n_values >= CROSSOVER_VALUES and _has_torch() and _has_cuda():
        return _torch("cuda")
    return NumpyBackend()


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def _has_cuda() -> bool:
    import torch  # noqa: PLC0415  # a second and 200 MB, for those alone who have a use for it

    available: bool = torch.cuda.is_available()
    return available


def _torch(device: str) -> Backend:
    if not _has_torch():
        raise BackendError(f"device {device!r} needs PyTorch: pip install 'driftmeter[gpu]'")
    from detectors.backend.on_torch import TorchBackend  # noqa: PLC0415  # as above

    try:
        return TorchBackend(device)
    except (RuntimeError, AssertionError) as error:  # built without CUDA: an AssertionError
        raise BackendError(f"device {device!r}: {error}") from error
