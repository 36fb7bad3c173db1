"""Work on many rows in batches that fit the device, and on the processor where none does."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from detectors.backend.kernels import Backend
from detectors.backend.on_numpy import NumpyBackend

T = TypeVar("T")

Job = Callable[[Backend, slice], T]
"""What is done with some of the rows: puts them on the device, computes, gets the result back."""

FEWEST_ROWS = 1 << 10
"""A device that has no memory for so few rows is given up."""

FALLBACK_ROWS = 1 << 14

_NUMPY = NumpyBackend()

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran(Generic[T]):
    """What the batches gave, in the order of the rows.

    backend: by name, the one that did the last batch. batch_rows: as many as that one took, less
    than was asked for where the device's memory did not suffice. fell_back: it did not suffice
    for `FEWEST_ROWS` either, and the processor did the rest.
    """

    parts: tuple[T, ...]
    backend: str
    batch_rows: int
    fell_back: bool


def in_batches(
    job: Job[T], n_rows: int, *, backend: Backend, batch_rows: int, fallback: Backend = _NUMPY
) -> Ran[T]:
    """Runs the job over all rows, in halved batches each time the device runs out of memory.

    When not even `FEWEST_ROWS` fit, the rest is done on the fallback, by default NumPy, and a
    warning is logged. A batch that failed is done again in full: a job changes nothing outside.
    Raises what the job raises for any other reason, and what the fallback raises for any.
    """
    parts: list[T] = []
    start, fell_back = 0, False
    while start < n_rows:
        rows = slice(start, min(start + batch_rows, n_rows))
        try:
            parts.append(job(backend, rows))
        except backend.out_of_memory:
            if fell_back:
                raise
        else:
            start = rows.stop
            continue
        # Past the handler: the frames of an error keep what the job had put on the device.
        backend.release()
        batch_rows = (rows.stop - start) // 2
        if batch_rows < FEWEST_ROWS:
            _log.warning(
                "%s has no memory for %d rows: %s goes on", backend.name, FEWEST_ROWS, fallback.name
            )
            backend, batch_rows, fell_back = fallback, FALLBACK_ROWS, True
    return Ran(parts=tuple(parts), backend=backend.name, batch_rows=batch_rows, fell_back=fell_back)
