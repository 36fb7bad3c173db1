import numpy as np
import pytest

from detectors.columns import ColumnType, Field, Floats, Rows
from detectors.report.sample import RowTest
from detectors.samples import SAMPLE_TESTS, Mixed, sample_tests

FIELDS = [Field("x", ColumnType.FLOAT), Field("y", ColumnType.FLOAT)]
NAMES = tuple(SAMPLE_TESTS)


def rows(seed: int, n: int, *, shift: float = 0.0, correlation: float = 0.0) -> Rows:
    x, y = np.random.default_rng(seed).normal(size=(2, n))
    y = correlation * x + np.sqrt(1 - correlation**2) * y
    return Rows({"x": x + shift, "y": y}, n)


def ask(current: Rows, *names: str, reference: Rows | None = None) -> dict[str, RowTest]:
    known = reference or rows(1, 500)
    found = sample_tests(names or NAMES, Mixed.fit(FIELDS, known), known, current, seed=7)
    return {one.name: one for one in found}


def test_a_lost_correlation_is_seen_though_no_column_moved() -> None:
    known = rows(1, 1000, correlation=0.7)
    found = ask(rows(2, 1000), reference=known)
    assert all(one.p_value is not None and one.p_value < 0.01 for one in found.values())


def test_the_classifier_names_the_column_that_moved_first() -> None:
    found = ask(rows(2, 500, shift=1.0), "classifier")["classifier"]
    assert next(iter(found.columns)) == "x"
    assert found.statistic == pytest.approx(0.76, abs=0.05)  # Φ(1 / √2), by the best classifier


def test_a_test_says_the_same_whatever_others_are_asked_for() -> None:
    current = rows(3, 200)
    assert ask(current)["energy"] == ask(current, "energy")["energy"]


def test_too_few_rows_are_not_known() -> None:
    found = ask(rows(2, 1))
    assert {one.statistic for one in found.values()} == {None}
    assert {one.p_value for one in found.values()} == {None}


def test_p_values_of_alike_samples_are_uniform() -> None:
    known = rows(1, 120)
    found = [ask(rows(seed, 60), "energy", reference=known) for seed in range(100, 200)]
    p_values: Floats = np.array([one["energy"].p_value for one in found])
    assert np.mean(p_values < 0.1) == pytest.approx(0.1, abs=0.08)
