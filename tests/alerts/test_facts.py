"""What people are told of a window: which thing about a column moved, from what to what."""

import json
import math
from dataclasses import replace

from alerts.facts import MAX_COLUMNS, MAX_NAME, Facts, Movement
from detectors.columns import ColumnType
from detectors.report import Explanation, OutlierReport, Shift, Summary
from tests.alerts.reports import QUIET, column, drifting


def movement(**changes: object) -> Movement:
    (moved,) = Facts.of(drifting(column(**changes))).columns  # type: ignore[arg-type]  # a maker
    return moved


def test_of_a_number_the_mean_is_told() -> None:
    moved = movement()
    assert (moved.what, moved.reference, moved.current) == ("mean", 14.0, 2.0)


def test_of_a_category_the_level_whose_share_changed_most() -> None:
    moved = movement(
        kind=ColumnType.CATEGORY,
        reference=Summary(n=100, missing=0.0, shares={"none": 0.6, "match": 0.3, "fair": 0.1}),
        current=Summary(n=50, missing=0.0, shares={"none": 1.0}),
        effect=0.4,
    )
    assert (moved.what, moved.reference, moved.current) == ("share of 'none'", 0.6, 1.0)


def test_a_level_that_vanished_or_is_new_counts_as_zero_where_it_is_not() -> None:
    moved = movement(
        kind=ColumnType.CATEGORY,
        reference=Summary(n=100, missing=0.0, shares={"a": 1.0}),
        current=Summary(n=50, missing=0.0, shares={"b": 0.9, "a": 0.1}),
        effect=0.9,
    )
    assert (moved.reference, moved.current) in {(0.0, 0.9), (1.0, 0.1)}


def test_of_a_boolean_always_the_share_of_true() -> None:
    moved = movement(
        kind=ColumnType.BOOLEAN,
        reference=Summary(n=100, missing=0.0, shares={"false": 0.9, "true": 0.1}),
        current=Summary(n=50, missing=0.0, shares={"false": 1.0}),
        effect=0.1,
    )
    assert (moved.what, moved.reference, moved.current) == ("share of 'true'", 0.1, 0.0)


def test_missing_values_are_told_where_they_moved_furthest() -> None:
    moved = movement(current=Summary(n=500, missing=0.7, mean=14.1), effect=0.05)
    assert (moved.what, moved.reference, moved.current) == ("missing", 0.0, 0.7)


def test_a_column_without_values_says_so() -> None:
    moved = movement(
        kind=ColumnType.CATEGORY,
        reference=Summary(n=0, missing=0.0),
        current=Summary(n=0, missing=0.0),
        effect=None,
    )
    assert (moved.reference, moved.current, moved.effect) == (None, None, None)


def test_only_named_columns_are_told_and_the_strongest_if_none_is_named() -> None:
    both = drifting(column("a", named=False), column("b"))
    assert [moved.name for moved in Facts.of(both).columns] == ["b"]
    neither = drifting(column("a", named=False), column("b", named=False))
    assert [moved.name for moved in Facts.of(neither).columns] == ["a"]


def test_columns_are_bounded_and_the_rest_counted() -> None:
    facts = Facts.of(drifting(*(column(f"c{i}") for i in range(25))))
    assert (len(facts.columns), facts.columns_omitted) == (MAX_COLUMNS, 25 - MAX_COLUMNS)


def test_an_endless_name_ends_and_one_that_utf_8_cannot_write_is_mended() -> None:
    assert movement(name="x" * 1000).name == "x" * (MAX_NAME - 1) + "…"
    assert movement(name="a\ud800b").name == "a?b"


def test_what_json_cannot_say_is_unknown() -> None:
    facts = Facts.of(replace(drifting(), evidence=math.inf, threshold=math.nan))
    assert (facts.evidence, facts.threshold) == (None, None)


def test_the_share_of_outliers_is_of_the_rows_scored() -> None:
    assert Facts.of(drifting()).outlier_share == 0.25
    none_scored = OutlierReport(n_scored=0, n_flagged=0, false_discovery_rate=0.1)
    assert Facts.of(replace(drifting(), outliers=none_scored)).outlier_share is None


def test_performance_is_told_only_where_it_is_known() -> None:
    facts = Facts.of(drifting())
    assert facts.expected is not None
    assert (facts.expected.reference, facts.expected.value) == (4.0, 9.0)
    assert facts.realised is None


def test_facts_survive_json() -> None:
    for report in (QUIET, drifting()):
        facts = Facts.of(report)
        assert Facts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_the_kind_of_change_is_told_with_its_reason() -> None:
    explained = Explanation(shift=Shift.DATA_QUALITY, because="data look broken", movements=())
    facts = Facts.of(replace(drifting(), explanation=explained))
    assert (facts.shift, facts.because) == ("data quality", "data look broken")
    assert Facts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
