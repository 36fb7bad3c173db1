import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.artifact import Artifact, ArtifactError, pack, unpack
from detectors.columns import Coded, Column, ColumnType, Field, Floats, Role, Rows
from detectors.labels import Task
from detectors.profile import Profile, count, count_labels, rows_at
from detectors.reference import (
    ERROR,
    EXPECTED_ERROR,
    OUTLIER,
    Reference,
    ReferenceError,  # noqa: A004  # the other one is about weak references
)
from tests.detectors.conftest import HOUR_S
from tests.detectors.makers import SCHEMA, traffic

X = Field("x", ColumnType.FLOAT)
C = Field("c", ColumnType.CATEGORY)


def fit_x(*values: float) -> Reference:
    return Reference.fit(Rows({"x": np.array(values)}, len(values)), [X])


def without_sample(profile: Profile, reference: Reference) -> Profile:
    return replace(profile, sample=Profile.empty(reference).sample)


def test_declared_columns_come_first_and_then_the_scores(reference: Reference) -> None:
    names = [column.field.name for column in reference.columns]
    assert names == [*(field.name for field in SCHEMA), OUTLIER, EXPECTED_ERROR, ERROR]
    assert reference.schema == SCHEMA
    assert reference.offsets[-1] == sum(column.n_slots for column in reference.columns)
    assert reference.task == Task.REGRESSION


def test_its_profile_is_that_of_the_data_it_was_fitted_on(
    labelled: tuple[Rows, Floats], reference: Reference
) -> None:
    rows, labels = labelled
    seen = count(rows, reference, times=np.arange(0.0, rows.n * 18.0, 18.0))
    seen += count_labels(rows.columns["seats"], labels, reference)
    assert reference.profile == without_sample(seen, reference)


def test_its_windows_add_up_to_its_profile(reference: Reference) -> None:
    windows = reference.windows[HOUR_S]
    assert [window.n for window in windows] == [200] * 30
    assert sum(windows, Profile.empty(reference)) == reference.profile
    assert [window.first_time for window in windows] == [i * HOUR_S for i in range(30)]


def test_without_two_windows_of_a_length_the_whole_profile_stands_for_them(
    reference: Reference,
) -> None:
    assert reference.windows[86_400.0 * 30] == (reference.profile,)


def test_only_the_latest_600_windows_are_kept_and_empty_ones_are_none() -> None:
    times = np.append(np.arange(650.0), [1_000.5, np.nan])
    rows = Rows({"x": times}, len(times))
    reference = Reference.fit(rows, [X], times=times, window_lengths_s=[1])
    windows = reference.windows[1.0]
    assert (len(windows), windows[-1].first_time, windows[0].first_time) == (600, 1_000.5, 51.0)


def test_bytes_come_back_as_the_reference(reference: Reference, rows: Rows) -> None:
    again = Reference.from_bytes(reference.to_bytes())
    assert again.id == reference.id
    assert again.to_bytes() == reference.to_bytes()
    assert again.profile == reference.profile
    assert dict(again.windows) == dict(reference.windows)
    assert count(rows, again) == count(rows, reference)


def test_the_same_data_give_the_same_bytes(reference: Reference) -> None:
    rows, labels = traffic(800, seed=7)
    one, two = (
        Reference.fit(rows, SCHEMA, prediction="seats", label=labels).to_bytes() for _ in range(2)
    )
    assert one == two


def test_the_order_of_levels_in_a_batch_does_not_matter() -> None:
    one = Coded(np.array([0, 1, 1], np.int32), ("a", "b"))
    two = Coded(np.array([2, 0, 0], np.int32), ("b", "z", "a"))
    first, second = (Reference.fit(Rows({"c": column}, 3), [C]).id for column in (one, two))
    assert first == second


def test_the_id_is_the_digest_of_the_bytes(reference: Reference) -> None:
    algorithm, _, digest = reference.id.partition(":")
    assert (algorithm, len(digest)) == ("sha256", 64)
    assert reference.profile.reference_id == reference.id


def test_a_reference_without_labels_has_no_error_columns() -> None:
    rows, _ = traffic(300, seed=8)
    reference = Reference.fit(rows, SCHEMA, prediction="seats")
    assert reference.columns[-1].field.name == OUTLIER
    assert count_labels(np.ones(3), np.zeros(3), reference).n_labelled == 3


def test_few_labels_give_errors_but_no_expectation() -> None:
    rows, labels = traffic(300, seed=8)
    labels[50:] = np.nan
    reference = Reference.fit(rows, SCHEMA, prediction="seats", label=labels)
    assert reference.has(ERROR)
    assert not reference.has(EXPECTED_ERROR)


def test_a_reference_without_a_prediction_refuses_labels() -> None:
    with pytest.raises(ValueError, match="no prediction"):
        count_labels(np.ones(3), np.zeros(3), fit_x(1, 2, 3))


@pytest.mark.parametrize("values", [[1, 1, 1], [np.nan, np.inf], [1e308, -1e308], [5e-324, 0.0]])
def test_odd_columns_are_treated_as_what_they_are(values: list[float]) -> None:
    reference = fit_x(*values)
    assert reference.profile.n == len(values)
    seen = count(Rows({"x": np.array(values)}, len(values)), reference)
    assert reference.profile == without_sample(seen, reference)


def test_one_all_missing_column_is_no_error() -> None:
    rows = Rows({"x": np.full(9, np.nan), "c": Coded(np.zeros(9, np.int32), ("a",))}, 9)
    assert Reference.fit(rows, [X, C]).profile.n == 9


def schema_named(*names: str) -> list[Field]:
    return [Field(name, ColumnType.FLOAT) for name in names]


@pytest.mark.parametrize(
    ("schema", "n", "message"),
    [
        (schema_named("x"), 0, "at least two rows, found 0"),
        (schema_named("x"), 1, "at least two rows, found 1"),
        ([], 5, "at least one column"),
        (schema_named("x", "x"), 5, "'x' is declared twice"),
        (schema_named("x", "y"), 5, "'y' is declared but not in the data"),
        (schema_named(""), 5, "blank"),
        (schema_named(" \t"), 5, "blank"),
        (schema_named("a\x00b"), 5, "control characters"),
        (schema_named("x" * 201), 5, "longer than 200"),
        (schema_named("dm.outlier"), 5, "reserved"),
        ([Field("x", ColumnType.CATEGORY)], 5, "'x' is category, but holds numbers"),
        ([Field("c", ColumnType.FLOAT)], 5, "'c' is float, but holds categories"),
        (schema_named("nothing"), 5, "every value of every column is missing"),
    ],
)
def test_unsuitable_data_are_refused_with_the_column_and_the_reason(
    schema: list[Field], n: int, message: str
) -> None:
    columns: dict[str, Column] = {
        "x": np.arange(float(n)),
        "c": Coded(np.zeros(n, np.int32), ("a",)),
        "nothing": np.full(n, np.nan),
    }
    with pytest.raises(ReferenceError, match=message):
        Reference.fit(Rows(columns, n), schema)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prediction": "y"}, "'y' is not a column"),
        ({"label": np.zeros(5)}, "needs a prediction"),
        (
            {"prediction": "x", "label": Coded(np.zeros(5, np.int32), ("a",))},
            "'x' is float, but the label holds categories",
        ),
        ({"prediction": "x", "label": np.zeros(4)}, "4 labels for 5 rows"),
        ({"times": np.zeros(4)}, "4 times for 5 rows"),
        ({"window_lengths_s": [0]}, "a window of 0 s"),
        ({"window_lengths_s": [np.inf]}, "a window of inf s"),
    ],
)
def test_unsuitable_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ReferenceError, match=message):
        Reference.fit(Rows({"x": np.arange(5.0)}, 5), [X], **arguments)


def test_columns_that_arrive_with_labels_are_counted_but_not_scored() -> None:
    values = np.arange(50.0)
    schema = [X, Field("truth", ColumnType.FLOAT, Role.LABEL)]
    reference = Reference.fit(Rows({"x": values, "truth": values}, 50), schema)
    odd = Rows({"x": values[:1], "truth": np.array([1e9])}, 1)
    assert reference.outlier.contributions(reference.placed(odd))[0, 1] == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda a: a.meta["fields"].reverse(),
        lambda a: a.meta["fields"].pop(),
        lambda a: a.meta["fields"].append(a.meta["fields"][0]),
        lambda a: a.meta["fields"][0].update(type="colour"),
        lambda a: a.meta["fields"][0].pop("name"),
        lambda a: a.meta.pop("outlier"),
        lambda a: a.meta["target"].update(prediction="nobody"),
        lambda a: a.meta.update(columns=[]),
        lambda a: a.meta["columns"]["0"].update(centre="middle"),
        lambda a: a.meta["columns"]["2"].update(levels=["sun", "sun"]),
        lambda a: a.meta["columns"]["2"].update(levels=[1]),
        lambda a: a.arrays["columns/0/edges"][::-1].sort(),
        lambda a: a.arrays["columns/0/edges"].fill(np.nan),
        lambda a: a.arrays["columns/0/means"].fill(np.nan),
        lambda a: a.arrays.update({"columns/0/means": np.zeros(3)}),
        lambda a: a.arrays.update({"columns/0/edges": np.zeros((0,))}),
        lambda a: a.arrays["outlier/scorer/surprise"].fill(np.inf),
        lambda a: a.arrays["outlier/calibration/scores"][::-1].sort(),
        lambda a: a.arrays["expected_error/trees/left"].fill(0),
        lambda a: a.arrays["expected_error/trees/feature"].fill(99),
        lambda a: a.arrays.update({"expected_error/trees/value": np.zeros(2)}),
        lambda a: a.arrays.update({"expected_error/ranks/values": np.zeros(2)}),
        lambda a: a.arrays["profile/counts"].fill(0),
        lambda a: a.arrays.pop("profile/sums"),
        lambda a: a.arrays["windows/3600.0/counts"].fill(1),
    ],
)
def test_damaged_bytes_are_refused(
    damage: Callable[[Artifact], object], reference: Reference
) -> None:
    artifact = unpack("reference", reference.to_bytes())
    writable = Artifact(artifact.meta, {k: v.copy() for k, v in artifact.arrays.items()})
    damage(writable)
    with pytest.raises(ArtifactError):
        Reference.from_bytes(pack("reference", writable))


def test_what_a_newer_minor_version_adds_is_ignored(reference: Reference, rows: Rows) -> None:
    artifact = unpack("reference", reference.to_bytes())
    newer = Artifact({**artifact.meta, "novelty": {}}, {**artifact.arrays, "novelty/x": np.ones(2)})
    read = Reference.from_bytes(pack("reference", newer))
    assert count(rows, replace(read, id=reference.id)) == count(rows, reference)


def test_importing_it_costs_neither_scipy_nor_scikit_learn() -> None:
    check = (
        "import detectors.reference, sys; sys.exit(len({'scipy', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_rows_can_be_taken_by_position(rows: Rows) -> None:
    taken = rows_at(rows, np.array([3, 1]))
    speed, all_speeds = taken.columns["speed"], rows.columns["speed"]
    assert not isinstance(speed, Coded)
    assert not isinstance(all_speeds, Coded)
    np.testing.assert_array_equal(speed, all_speeds[[3, 1]])
    assert taken.n == 2
