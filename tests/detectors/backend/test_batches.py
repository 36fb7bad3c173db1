"""Batches on a device with little memory: a double that refuses to hold more than so many bytes."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.backend import Backend, NumpyBackend, Ran, in_batches
from detectors.backend.batches import FEWEST_ROWS


class DeviceIsFullError(Exception):
    pass


@dataclass(frozen=True)
class SmallDevice(NumpyBackend):
    name: str = "small"
    out_of_memory: tuple[type[Exception], ...] = (DeviceIsFullError,)
    n_rows: int = 0

    def put(self, array: NDArray[Any], /) -> NDArray[Any]:
        if len(array) > self.n_rows:
            raise DeviceIsFullError(f"{len(array)} rows")
        return array


def positions(n: int) -> Callable[[Backend, slice], list[int]]:
    """A job that gives back the rows that it was handed."""
    rows = np.arange(n)
    return lambda backend, where: backend.get(backend.put(rows[where])).tolist()


def flat(ran: Ran[list[int]]) -> list[int]:
    return [row for part in ran.parts for row in part]


@given(n=st.integers(0, 20_000), batch=st.integers(1, 20_000), room=st.integers(0, 20_000))
def test_every_row_is_done_once_and_in_order_however_little_fits(
    n: int, batch: int, room: int
) -> None:
    ran = in_batches(positions(n), n, backend=SmallDevice(n_rows=room), batch_rows=batch)
    assert flat(ran) == list(range(n))


def test_batches_are_halved_until_they_fit() -> None:
    ran = in_batches(positions(50_000), 50_000, backend=SmallDevice(n_rows=3000), batch_rows=16_000)
    assert (ran.backend, ran.batch_rows, ran.fell_back) == ("small", 2000, False)


def test_the_processor_goes_on_where_too_little_fits_and_a_log_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        ran = in_batches(positions(5000), 5000, backend=SmallDevice(n_rows=9), batch_rows=5000)
    assert (ran.backend, ran.fell_back) == ("numpy", True)
    assert f"small has no memory for {FEWEST_ROWS} rows: numpy goes on" in caplog.text


def test_memory_that_the_processor_lacks_is_an_error() -> None:
    small = SmallDevice(n_rows=9)
    with pytest.raises(DeviceIsFullError):
        in_batches(positions(5000), 5000, backend=small, batch_rows=5000, fallback=small)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    def broken(backend: Backend, where: slice) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_batches(broken, 10, backend=SmallDevice(n_rows=9), batch_rows=5)
