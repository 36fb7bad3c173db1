"""What budgets would have done, of decisions that are made by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from detectors.columns import Rows
from detectors.decision import Decision
from detectors.profile import Profile, count
from detectors.reference import Reference
from detectors.report import Reason, Verdict
from detectors.report.compare import report
from monitor.backtest.findings import Findings, SeriesFindings
from monitor.backtest.judged import Judged, Outcome, allowed, outcomes
from monitor.detect.judging import WrittenReport
from monitor.detect.state import Series
from monitor.spec.detection import Budget
from monitor.spec.windows import Window
from tests.support.counted import HOUR, fit_reference, monitor

REASONS = {
    Verdict.QUIET: Reason.WITHIN_REFERENCE,
    Verdict.DRIFT: Reason.STRONG_WINDOW,
    Verdict.UNDECIDED: Reason.TOO_FEW_ROWS,
}
VERDICTS = {"q": Verdict.QUIET, "d": Verdict.DRIFT, "u": Verdict.UNDECIDED}
BUDGET = Budget(alarms=1, period=90 * 86_400.0)


def decision(letter: str) -> Decision:
    verdict = VERDICTS[letter]
    return Decision(
        verdict=verdict,
        reason=REASONS[verdict],
        p_value=None,
        evidence=0.0,
        threshold=1.0,
        provisional=False,
        columns={},
    )


@pytest.fixture(scope="module")
def reference() -> Reference:
    return fit_reference()


def windows(reference: Reference, *verdicts: str) -> list[Judged]:
    """Hourly ones from 0 on; a text of letters for each budget."""
    x = np.zeros(10)
    profile: Profile = count(Rows({"x": x, "prediction": x}, 10), reference)
    found = []
    for hour, letters in enumerate(zip(*verdicts, strict=True)):
        decisions = [decision(letter) for letter in letters]
        written = WrittenReport(
            series=Series("seats", reference.id, HOUR),
            start=hour * HOUR,
            revision=1,
            monitor_revision=1,
            decision=decisions[0],
            report=report(reference, profile, decisions[0]),
        )
        found.append(Judged(written, decisions))
    return found


def outcome(reference: Reference, verdicts: str, *, since: float | None, **alerts: str) -> Outcome:
    spec = monitor(alerts=alerts).spec
    (found,) = outcomes(windows(reference, verdicts), [BUDGET], spec, since=since)
    return found


@pytest.mark.parametrize(
    ("verdicts", "alarms", "n_false", "found_h"),
    [
        ("qqqqqq", [], 0, None),
        ("qqqqdd", [5], 0, 5),
        ("qdqqdd", [2, 5], 1, 5),
        ("dddqqq", [1], 1, None),
        ("qqdddd", [3], 1, 4),  # a false alarm that lasts until there is something to be told
        ("qqquud", [6], 0, 6),
    ],
)
def test_alarms_before_the_drift_are_false_and_the_first_after_finds_it(
    reference: Reference, verdicts: str, alarms: Sequence[int], n_false: int, found_h: int | None
) -> None:
    found = outcome(reference, verdicts, since=3 * HOUR)
    assert list(found.alarms) == [hour * HOUR for hour in alarms]
    assert found.false_alarms == n_false
    assert found.found_at == (None if found_h is None else found_h * HOUR)
    assert found.n_drift == verdicts.count("d")


def test_a_window_that_the_drift_begins_in_may_find_it(reference: Reference) -> None:
    found = outcome(reference, "qqqdqq", since=3.5 * HOUR)
    assert (found.false_alarms, found.found_at) == (0, 4 * HOUR)


def test_an_alert_is_as_patient_as_the_document_says(reference: Reference) -> None:
    found = outcome(reference, "qdqddd", since=3 * HOUR, **{"for": "2h"})
    assert (found.alarms, found.false_alarms, found.found_at) == ((6 * HOUR,), 0, 6 * HOUR)


def test_without_injected_drift_nobody_knows_which_alarms_are_false(reference: Reference) -> None:
    found = outcome(reference, "qdqqdd", since=None)
    assert (len(found.alarms), found.false_alarms, found.found_at) == (2, None, None)


def test_every_budget_has_its_own_decisions(reference: Reference) -> None:
    budgets = [BUDGET, Budget(alarms=1, period=HOUR)]
    found = outcomes(windows(reference, "qqqd", "qdqd"), budgets, monitor().spec, since=3 * HOUR)
    assert [one.false_alarms for one in found] == [0, 1]


@pytest.mark.parametrize(("days", "most"), [(0, 0), (1, 1), (90, 1), (91, 2), (360, 4)])
def test_a_budget_allows_so_many_false_alarms_in_so_long(days: float, most: int) -> None:
    assert allowed(BUDGET, days * 86_400.0) == most


@pytest.mark.parametrize(
    ("verdicts", "since", "conclusion"),
    [
        ("qqqq", None, "quiet"),
        ("uuqu", None, "quiet"),
        ("uuuu", None, "undecided"),
        ("qqdq", None, "drift"),
        ("qqqd", 3 * HOUR, "found"),
        ("qdqd", 3 * HOUR, "found"),
        ("dqdqqqd", 6 * HOUR, "too many false alarms"),
        ("qqqq", 3 * HOUR, "missed"),
    ],
)
def test_a_backtest_comes_to_one_conclusion(
    reference: Reference, verdicts: str, since: float | None, conclusion: str
) -> None:
    judged, document = windows(reference, verdicts), monitor()
    series = SeriesFindings(
        kind=Window(length=HOUR),
        windows=judged,
        outcomes=outcomes(judged, [BUDGET], document.spec, since=since),
    )
    found = Findings(
        monitor=document,
        n_reference=1,
        n_rows=1,
        first=0.0,
        last=len(verdicts) * HOUR,
        unreadable={},
        injected=(),
        since=since,
        series=[series],
    )
    assert found.conclusion == conclusion
