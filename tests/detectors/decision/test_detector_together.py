"""What the detector says of columns that move together."""

import json
from itertools import islice

import numpy as np
import pytest

from benchmarks.streams import DAY_S, joined
from benchmarks.wide_streams import Shift, WideWorld, profiles, reference_of
from detectors.columns import ColumnType, Field, Rows
from detectors.decision import Decision, Detector
from detectors.decision.budget import Budget
from detectors.decision.floor import EffectFloor
from detectors.profile import count
from detectors.reference import Reference
from detectors.report import Reason, Verdict

WIDE = WideWorld(columns=20)


@pytest.fixture(scope="module")
def wide() -> Detector:
    reference = reference_of(WIDE, 30, np.random.default_rng(1))
    return Detector(reference, window_s=DAY_S, budget=Budget(alarms=1, period_s=365 * DAY_S))


def changed(detector: Detector, shift: Shift, n: int = 3) -> list[Decision]:
    rng = np.random.default_rng(2)
    days = profiles(WIDE, detector.reference, rng, shift=shift, first=30)
    return [detector.step(detector.start(), day)[1] for day in islice(days, n)]


def test_a_lost_correlation_is_drift_and_names_its_pairs_and_no_column(wide: Detector) -> None:
    for decision in changed(wide, Shift.CORRELATION):
        assert decision.reason is Reason.STRONG_WINDOW
        assert not any(column.named for column in decision.columns.values())
        assert len(decision.pairs) >= 10
        assert all(pair.current < 0.15 < pair.reference for pair in decision.pairs)
        assert {name for p in decision.pairs for name in (p.first, p.second)} <= set(wide_block())


def wide_block() -> list[str]:
    return [f"x{i}" for i in range(10)]


def test_a_cohort_of_rows_in_correlated_columns_is_seen_as_their_group(wide: Detector) -> None:
    for decision in changed(wide, Shift.COHORT):
        assert decision.verdict is Verdict.DRIFT
        assert set(decision.together) == set(wide_block())


def test_a_quiet_window_names_neither_pairs_nor_columns_together(wide: Detector) -> None:
    for decision in changed(wide, Shift.NONE, n=20):
        if decision.verdict is Verdict.QUIET:
            assert (decision.pairs, decision.together) == ((), ())


def test_pairs_survive_plain_json(wide: Detector) -> None:
    for decision in changed(wide, Shift.CORRELATION, n=1):
        assert Decision.from_dict(json.loads(json.dumps(decision.to_dict()))) == decision


def test_a_correlation_that_changed_too_little_to_matter_is_quiet() -> None:
    rng = np.random.default_rng(3)

    def day(rho: float, n: int) -> Rows:
        a, b = rng.normal(size=(2, n))
        return Rows({"a": a, "b": rho * a + np.sqrt(1 - rho**2) * b}, n)

    fields = (Field("a", ColumnType.FLOAT), Field("b", ColumnType.FLOAT))
    rows, times = joined([day(0.5, 5_000) for _ in range(30)]), np.repeat(np.arange(30.0), 5_000)
    reference = Reference.fit(rows, fields, times=times, window_lengths_s=[1.0])
    tolerant, strict = (
        Detector(reference, window_s=1.0, budget=Budget(1, 365), ignore_below=EffectFloor(**limits))
        for limits in ({}, {"rank_correlation": 0.0})
    )
    window = count(day(0.53, 200_000), reference)
    assert tolerant.step(tolerant.start(), window)[1].reason is Reason.BELOW_EFFECT_FLOOR
    assert strict.step(strict.start(), window)[1].verdict is Verdict.DRIFT
