from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from detectors.backend import Backend, NumpyBackend
from detectors.columns import Coded, Column, Floats, Rows
from detectors.profile import count
from detectors.profile.device_counting import DeviceReference
from detectors.reference import Reference
from tests.detectors.makers import SCHEMA, numbers, traffic
from tests.support.backends import BACKENDS, NotTested, backend_named


class DeviceIsFullError(Exception):
    pass


@dataclass(frozen=True)
class SmallDevice(NumpyBackend):
    """A double that has no room for more than 1,500 rows."""

    name: str = "small"
    out_of_memory: tuple[type[Exception], ...] = (DeviceIsFullError,)

    def put(self, array: NDArray[Any], /) -> NDArray[Any]:
        if array.shape[-1] > 1500:
            raise DeviceIsFullError
        return array


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest, not_tested: NotTested) -> Backend:
    return backend_named(request.param, not_tested)


@pytest.fixture(scope="module")
def reference() -> Reference:
    rows, labels = traffic(3000, seed=1)
    return Reference.fit(rows, SCHEMA, prediction="seats", label=labels)


@pytest.fixture(scope="module")
def on_device(reference: Reference, backend: Backend) -> DeviceReference:
    return DeviceReference.of(reference, backend)


def assert_what_is_counted_without(
    on_device: DeviceReference, reference: Reference, rows: Rows
) -> None:
    found, placed = on_device.count(rows), reference.placed(rows)
    assert np.array_equal(found.outlier, reference.outlier.score(placed))
    assert reference.expected_error is not None
    assert found.expected_error is not None
    assert np.array_equal(found.expected_error, reference.expected_error.score(placed))
    assert count(rows, reference, backend=on_device.backend) == count(rows, reference)


def test_a_device_counts_what_is_counted_without_one(
    on_device: DeviceReference, reference: Reference
) -> None:
    rows, _ = traffic(500, seed=2, shift=0.3)
    assert_what_is_counted_without(on_device, reference, rows)


def test_narrow_columns_count_as_they_do_without_a_device(
    on_device: DeviceReference, reference: Reference
) -> None:
    rows, _ = traffic(500, seed=3)
    columns = {name: narrowed(column) for name, column in rows.columns.items()}
    assert_what_is_counted_without(on_device, reference, Rows(columns, 500))


@settings(max_examples=50)
@given(speed=numbers())
def test_any_floats_count_as_they_do_without_a_device(
    on_device: DeviceReference, reference: Reference, speed: Floats
) -> None:
    # Columns that are missing altogether, one of unseen levels, and numbers of every kind.
    unseen = Coded(np.zeros(len(speed), dtype=np.int32), ("hail",))
    rows = Rows({"speed": speed, "weather": unseen}, len(speed))
    assert_what_is_counted_without(on_device, reference, rows)


def test_a_column_of_another_kind_is_an_error_with_its_name(on_device: DeviceReference) -> None:
    rows = Rows({"weather": np.zeros(3)}, 3)
    with pytest.raises(ValueError, match="'weather' is category, but holds numbers"):
        on_device.count(rows)


def test_many_rows_are_counted_in_batches_that_fit(reference: Reference) -> None:
    rows, _ = traffic(5000, seed=5)
    assert count(rows, reference, backend=SmallDevice()) == count(rows, reference)


def test_a_scorer_of_values_is_asked_without_a_device(backend: Backend) -> None:
    rows, _ = traffic(400, seed=6)
    reference = Reference.fit(rows, SCHEMA, outlier_scorer="mahalanobis")
    assert count(rows, reference, backend=backend) == count(rows, reference)


def narrowed(column: Column) -> Column:
    return column if isinstance(column, Coded) else column.astype(np.float32)
