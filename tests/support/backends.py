"""Every backend by name; what a machine does not have is said not to be tested."""

import importlib.util
from collections.abc import Callable
from typing import NoReturn

import pytest

from detectors.backend import Backend, NumpyBackend

NotTested = Callable[[str], NoReturn]

BACKENDS = ("numpy", "torch:cpu", "torch:cuda")


def backend_named(name: str, not_tested: NotTested) -> Backend:
    """PyTorch is to be had wherever everything is tested; a GPU is not, so that is no failure."""
    if name == "numpy":
        return NumpyBackend()
    if importlib.util.find_spec("torch") is None:
        not_tested("PyTorch is not installed")
    import torch  # noqa: PLC0415  # optional

    from detectors.backend.on_torch import TorchBackend  # noqa: PLC0415  # as above

    if name == "torch:cuda" and not torch.cuda.is_available():
        pytest.skip("NOT TESTED: there is no CUDA device on this machine")
    return TorchBackend(name.removeprefix("torch:"))
