"""Numbers, times and changes in words."""

import pytest

from detectors.report.window import Reason
from monitor.server import wording
from tests.monitor.server.conftest import column, report


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.01234, "0.0123"), (12.345, "12.3"), (1234567.8, "1 234 568")],
)
def test_figures_have_three_digits(value: float | None, text: str) -> None:
    assert wording.figure(value) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (None, "–"),
        ("2020-03-16T00:00:00Z", "2020-03-16"),
        ("2020-03-16T08:30:00Z", "2020-03-16 08:30"),
    ],
)
def test_a_moment_at_midnight_is_a_day(moment: str | None, text: str) -> None:
    assert wording.when(moment) == text


def test_a_window_of_a_day_is_that_day() -> None:
    assert wording.span(report(0)["window"]) == "2020-03-09"


@pytest.mark.parametrize(
    ("start", "end", "seconds", "text"),
    [
        ("2020-03-09T08:00:00Z", "2020-03-09T09:00:00Z", 3_600.0, "2020-03-09 08:00 – 09:00"),
        ("2020-03-09T00:00:00Z", "2020-03-09T01:00:00Z", 3_600.0, "2020-03-09 00:00 – 01:00"),
        ("2020-03-09T08:00:20Z", "2020-03-09T08:00:40Z", 20.0, "2020-03-09 08:00:20 – 08:00:40"),
        ("2020-03-09T23:00:00Z", "2020-03-10T00:00:00Z", 3_600.0, "2020-03-09 23:00 – 2020-03-10"),
        ("2020-03-09T00:00:00Z", "2020-03-16T00:00:00Z", 604_800.0, "2020-03-09 – 2020-03-16"),
    ],
)
def test_a_shorter_or_longer_window_has_a_beginning_and_an_end(
    start: str, end: str, seconds: float, text: str
) -> None:
    assert wording.span({"start": start, "end": end, "seconds": seconds}) == text


def test_a_number_moves_by_its_median() -> None:
    assert wording.moved(column(drifts=True)) == "median 12 → 3"


def test_a_category_moves_by_the_level_whose_share_changed_most() -> None:
    before = {"n": 9, "quantiles": None, "shares": {"tram": 0.6, "bus": 0.3, "metro": 0.1}}
    after = {"n": 9, "quantiles": None, "shares": {"tram": 0.1, "bus": 0.3, "boat": 0.6}}
    moved = wording.moved({"reference": before, "current": after})
    assert moved == "boat 0 % → 60.0 %"


def test_a_column_without_values_says_so() -> None:
    empty = {"n": 0, "quantiles": None, "shares": None}
    assert wording.moved(column(current=empty)) == "no values in this window"


def test_the_headline_names_what_moved() -> None:
    assert wording.headline(report(6)).endswith("What moved: boarded.")
    assert wording.headline(report(0)) == "This window is quiet: within reference."


def test_a_headline_stays_short_however_many_columns_moved() -> None:
    columns = [column(f"c{i}", drifts=True) for i in range(9)]
    assert wording.headline(report(6, columns=columns)).endswith("c4 and 4 more.")


def test_the_headline_says_what_a_drift_looks_like() -> None:
    explanation = {"shift": "data quality", "because": "data look broken: a", "movements": []}
    headline = wording.headline(report(6, explanation=explanation))
    assert headline.endswith("It looks like a break of data quality: data look broken: a.")


@pytest.mark.parametrize(
    ("verdict", "columns", "text"),
    [
        ("quiet", [], "Beside the last 7d (7 windows) it is quiet: within reference."),
        ("drift", ["a"], "Beside the last 7d (7 windows) it drifts. What moved: a."),
    ],
)
def test_a_comparison_with_the_past_is_a_sentence(
    verdict: str, columns: list[str], text: str
) -> None:
    beside = {
        "name": "the last 7d",
        "n_windows": 7,
        "verdict": verdict,
        "reason": "within reference",
        "p_value": 0.1,
        "columns": columns,
    }
    assert wording.comparison(beside) == text


@pytest.mark.parametrize(
    ("verdict", "named", "text"),
    [
        (None, [], "Version 2 answered 1,200 rows."),
        (
            "quiet",
            [],
            (
                "Version 2 answered 1,200 rows, which by themselves are quiet beside the "
                "reference. Beside version 1 no column differs."
            ),
        ),
        (
            "drift",
            ["x"],
            (
                "Version 2 answered 1,200 rows, which by themselves drift beside the reference. "
                "Beside version 1 it differs. What moved: x."
            ),
        ),
    ],
)
def test_what_a_version_did_is_a_sentence(verdict: str, named: list[str], text: str) -> None:
    differences = [{"name": "y", "named": False}, *({"name": n, "named": True} for n in named)]
    one = {"version": "2", "n_rows": 1200, "verdict": verdict, "differences": differences}
    assert wording.version(one, "1") == text


def test_why_a_window_drifts_is_said_without_the_names_of_rules() -> None:
    by_itself = report(0) | {"verdict": "drift", "reason": Reason.STRONG_WINDOW, "columns": []}
    assert "(a strong difference, enough by itself)" in wording.headline(by_itself)
    assert wording.why(Reason.TOO_FEW_ROWS) == "too few rows"
