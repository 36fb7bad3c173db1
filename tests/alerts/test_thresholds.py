"""Limits that somebody set on a statistic."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.thresholds import Threshold, judge
from alerts.words import Finding
from detectors.report import Performance, Verdict, WindowReport
from tests.alerts.reports import QUIET, column, drifting


def psi(**of_columns: float) -> WindowReport:
    columns = [
        replace(column(name), statistics={"population_stability_index": value})
        for name, value in of_columns.items()
    ]
    return drifting(*columns)


def limit(**settings: Any) -> Threshold:
    return Threshold(**{"name": "mine", "statistic": "population_stability_index", **settings})


def test_a_statistic_of_a_column_is_held_against_its_limit() -> None:
    found = judge(psi(age=0.3, fare=0.9), limit(column="age", above=0.2))
    assert (found.verdict, found.reason) == (Verdict.DRIFT, Finding.ABOVE)
    assert found.because == "population_stability_index of 'age' is 0.3, above 0.2"
    assert judge(psi(age=0.3, fare=0.9), limit(column="age", above=0.4)).verdict is Verdict.QUIET


def test_without_a_column_the_furthest_one_decides() -> None:
    found = judge(psi(age=0.3, fare=0.9), limit(above=0.2))
    assert found.measured is not None
    assert (found.measured.column, found.measured.value) == ("fare", 0.9)


def test_a_limit_from_below() -> None:
    low = limit(statistic="n_rows", below=1000.0, until=1200.0)
    found = judge(replace(QUIET, n_rows=500), low)
    assert (found.verdict, found.reason) == (Verdict.DRIFT, Finding.BELOW)
    assert judge(replace(QUIET, n_rows=1100), low).holds
    assert not judge(replace(QUIET, n_rows=1300), low).holds


@pytest.mark.parametrize(
    ("statistic", "value"),
    [
        ("expected.mae", 9.0),
        ("expected.rmse", 11.0),
        ("outlier_share", 0.25),
        ("evidence", 120.0),
        ("missing", 0.0),
        ("mean", 2.0),
    ],
)
def test_what_can_be_held_against_a_limit(statistic: str, value: float) -> None:
    told = Performance(metric="mae", value=9.0, reference=4.0, n=500, others={"rmse": 11.0})
    found = judge(replace(drifting(), expected=told), limit(statistic=statistic, above=1e9))
    assert found.measured is not None
    assert found.measured.value == value


@pytest.mark.parametrize("statistic", ["realised.mae", "label_coverage", "hotelling"])
def test_what_is_not_known_is_undecided(statistic: str) -> None:
    assert judge(drifting(), limit(statistic=statistic, above=0.0)).verdict is Verdict.UNDECIDED


def test_a_window_of_few_rows_is_undecided() -> None:
    assert judge(psi(age=0.9), limit(above=0.2, minimum_rows=501)).verdict is Verdict.UNDECIDED
