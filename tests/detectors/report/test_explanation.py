from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from detectors.columns import Coded, Column, Floats, Rows
from detectors.decision import Decision, Detector
from detectors.decision.budget import Budget
from detectors.decision.verdicts import PairDecision
from detectors.profile import Profile, count
from detectors.reference import Reference
from detectors.report import Explanation, Movement, Performance, Shift, Verdict
from detectors.report.explanation import explain
from tests.detectors.makers import traffic

HOUR_S = 3600.0


@pytest.fixture(scope="module")
def detector(reference: Reference) -> Detector:
    return Detector(reference, window_s=HOUR_S, budget=Budget())


def numbers(rows: Rows, name: str) -> Floats:
    column = rows.columns[name]
    assert not isinstance(column, Coded)
    return column.copy()


def decided(detector: Detector, **changed: Callable[[Rows], Column]) -> tuple[Profile, Decision]:
    """A window in which some columns are not what they were."""
    rows, _ = traffic(2_000, seed=11)
    columns = {**rows.columns, **{name: change(rows) for name, change in changed.items()}}
    profile = count(Rows(columns, rows.n), detector.reference)
    return profile, detector.step(detector.start(), profile)[1]


def explained(detector: Detector, **changed: Callable[[Rows], Column]) -> Explanation:
    profile, decision = decided(detector, **changed)
    assert decision.verdict is Verdict.DRIFT
    return explain(detector.reference, profile, decision)


def movement_of(explanation: Explanation, name: str) -> Movement:
    return next(one for one in explanation.movements if one.name == name)


def half_missing(rows: Rows) -> Column:
    values = numbers(rows, "speed")
    values[::2] = np.nan
    return values


def a_sentinel(rows: Rows) -> Column:
    values = numbers(rows, "speed")
    values[::5] = 0.123
    return values


def shifted(rows: Rows) -> Column:
    return numbers(rows, "speed") + 0.5


def always_snow(rows: Rows) -> Column:
    weather = rows.columns["weather"]
    assert isinstance(weather, Coded)
    return Coded(np.full(rows.n, 2, dtype=np.int32), weather.levels)


def renamed(rows: Rows) -> Column:
    weather = rows.columns["weather"]
    assert isinstance(weather, Coded)
    return Coded(weather.codes, ("SUN", "rain", "snow"))


def always_six(rows: Rows) -> Column:
    return np.full(rows.n, 6.0)


def biased(rows: Rows) -> Column:
    return numbers(rows, "seats") - 2.0


def test_missing_values_are_a_break_of_data_quality(detector: Detector) -> None:
    explanation = explained(detector, speed=half_missing)
    assert explanation.shift is Shift.DATA_QUALITY
    assert "'speed'" in explanation.because
    assert movement_of(explanation, "speed").defects == pytest.approx(0.475, abs=0.03)


def test_a_value_that_replaces_others_is_a_break_of_data_quality(detector: Detector) -> None:
    explanation = explained(detector, speed=a_sentinel)
    assert explanation.shift is Shift.DATA_QUALITY
    assert movement_of(explanation, "speed").piled_up == pytest.approx(0.2, abs=0.02)


def test_of_a_few_values_one_that_takes_over_is_no_break(detector: Detector) -> None:
    explanation = explained(detector, stops=always_six)
    assert explanation.shift is Shift.COVARIATE
    assert movement_of(explanation, "stops").piled_up == 0


def test_a_renamed_level_is_a_break_of_data_quality(detector: Detector) -> None:
    explanation = explained(detector, weather=renamed)
    assert explanation.shift is Shift.DATA_QUALITY
    assert movement_of(explanation, "weather").gained == ("unseen",)
    assert movement_of(explanation, "weather").lost[0] == "sun"


def test_inputs_that_move_are_a_covariate_shift(detector: Detector) -> None:
    explanation = explained(detector, speed=shifted)
    assert explanation.shift is Shift.COVARIATE
    assert "speed" in explanation.because


def test_a_level_that_takes_over_is_a_covariate_shift_and_says_what_it_took(
    detector: Detector,
) -> None:
    explanation = explained(detector, weather=always_snow)
    assert explanation.shift is Shift.COVARIATE
    assert movement_of(explanation, "weather").gained == ("snow",)
    assert movement_of(explanation, "weather").lost == ("sun", "rain")


def test_predictions_that_move_alone_are_a_prediction_shift(detector: Detector) -> None:
    explanation = explained(detector, seats=biased)
    assert explanation.shift is Shift.PREDICTION


def performance(value: float, *, reference: float = 1.0, spread: float = 0.1) -> Performance:
    return Performance(
        metric="mae",
        value=value,
        reference=reference,
        n=500,
        others={},
        interval=(value - spread, value + spread),
    )


@pytest.mark.parametrize(
    ("realised", "expected", "is_concept"),
    [
        (performance(2.0), performance(1.05), True),
        (performance(2.0), None, True),
        (performance(2.0), performance(1.9), False),  # the rows let expect it
        (performance(1.05), performance(1.0), False),  # within its interval
        (performance(0.5), performance(1.0), False),  # better
    ],
)
def test_errors_beyond_what_the_rows_let_expect_are_a_concept_shift(
    detector: Detector, realised: Performance, expected: Performance | None, is_concept: bool
) -> None:
    profile, decision = decided(detector, speed=shifted)
    explanation = explain(
        detector.reference, profile, decision, expected=expected, realised=realised
    )
    assert explanation.shift is (Shift.CONCEPT if is_concept else Shift.COVARIATE)


def test_importance_weighs_the_columns_that_moved(detector: Detector) -> None:
    profile, decision = decided(detector, speed=shifted, weather=always_snow)
    weighted = explain(detector.reference, profile, decision, importance={"speed": 2.0})
    assert weighted.movements[0].name == "speed"
    assert movement_of(weighted, "speed").weight == pytest.approx(1.0)
    assert movement_of(weighted, "weather").weight == 0.0


def test_the_shares_are_the_decisions_own(detector: Detector) -> None:
    profile, decision = decided(detector, speed=shifted)
    for one in explain(detector.reference, profile, decision).movements:
        assert one.share == decision.columns[one.name].evidence_share


def test_a_drift_without_a_named_column_shows_the_strongest(detector: Detector) -> None:
    profile, decision = decided(detector, speed=shifted)
    nobody = {name: replace(c, named=False) for name, c in decision.columns.items()}
    explanation = explain(detector.reference, profile, replace(decision, columns=nobody))
    assert len(explanation.movements) == 1


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_an_impossible_importance_is_refused(detector: Detector, weight: float) -> None:
    profile, decision = decided(detector)
    with pytest.raises(ValueError, match="importance of column 'speed'"):
        explain(detector.reference, profile, decision, importance={"speed": weight})


def test_a_window_without_any_value_is_explained_all_the_same(detector: Detector) -> None:
    profile = count(Rows({}, 500), detector.reference)
    decision = detector.step(detector.start(), profile)[1]
    assert explain(detector.reference, profile, decision).shift is Shift.DATA_QUALITY


def nobody_named(decision: Decision) -> Decision:
    columns = {name: replace(column, named=False) for name, column in decision.columns.items()}
    return replace(decision, columns=columns, pairs=(), together=())


def test_a_correlation_that_changed_alone_is_a_correlation_shift(detector: Detector) -> None:
    profile, decision = decided(detector, speed=shifted)
    pair = PairDecision(first="speed", second="stops", reference=0.31, current=-0.02)
    explanation = explain(
        detector.reference, profile, replace(nobody_named(decision), pairs=(pair, pair))
    )
    assert explanation.shift is Shift.CORRELATION
    assert "speed and stops went from 0.31 to -0.02, and of 1 more pairs" in explanation.because
    assert explanation.correlations[0].current == -0.02


def test_columns_that_moved_together_are_listed_where_none_stands_out(detector: Detector) -> None:
    profile, decision = decided(detector, speed=shifted)
    together = tuple(f"c{i}" for i in range(7))
    explanation = explain(
        detector.reference, profile, replace(nobody_named(decision), together=together)
    )
    assert explanation.shift is Shift.COVARIATE
    assert explanation.because.endswith("a little: c0, c1, c2, c3, c4 and 2 more")
    assert explanation.together == together
