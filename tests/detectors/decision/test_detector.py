import json
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from benchmarks import wide_streams
from benchmarks.streams import (
    CHANGED,
    DAY_S,
    SCHEMA,
    STABLE,
    World,
    joined,
    profiles,
    reference_of,
)
from benchmarks.wide_streams import WideWorld
from detectors.columns import Coded, ColumnType, Field, Floats, Rows
from detectors.decision import CEILING, SUSPICION, Decision, Detector
from detectors.decision.budget import Budget
from detectors.decision.evidence import Evidence
from detectors.decision.floor import EffectFloor
from detectors.profile import Profile, count
from detectors.reference import Reference
from detectors.report import Caution, Reason, Verdict
from tests.detectors.makers import coded, numbers

YEARLY = Budget(alarms=1, period_s=365 * DAY_S)


def detector_of(reference: Reference, ignore_below: EffectFloor | None = None) -> Detector:
    return Detector(reference, window_s=DAY_S, budget=YEARLY, ignore_below=ignore_below)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return detector_of(reference_of(World(), 30, np.random.default_rng(1)))


def windows_of(detector: Detector, world: World, n: int, *, seed: int = 2) -> list[Profile]:
    return list(islice(profiles(world, detector.reference, np.random.default_rng(seed)), n))


def run(
    detector: Detector, windows: list[Profile], evidence: Evidence | None = None
) -> tuple[Evidence, list[Decision]]:
    evidence, decisions = evidence or detector.start(), list[Decision]()
    for window in windows:
        evidence, decision = detector.step(evidence, window)
        decisions.append(decision)
    return evidence, decisions


def verdicts(decisions: list[Decision]) -> list[Verdict]:
    return [decision.verdict for decision in decisions]


def onsets(decisions: list[Decision]) -> int:
    drifting = [False, *(verdict is Verdict.DRIFT for verdict in verdicts(decisions))]
    return sum(now and not before for before, now in pairwise(drifting))


@pytest.mark.parametrize("stream", STABLE)
def test_stable_traffic_alarms_within_its_budget(stream: str) -> None:
    world, alarms, p_values = STABLE[stream], 0, []
    for seed in range(2):
        detector = detector_of(reference_of(world, 30, np.random.default_rng(seed)))
        _, decisions = run(detector, windows_of(detector, world, 150, seed=100 + seed))
        alarms += onsets(decisions)
        p_values += [decision.p_value for decision in decisions]
    # 300 days have a budget of 0.8 alarms; more than 3 have a chance of 1 in 100.
    assert alarms <= 3
    assert np.mean(np.array(p_values) <= 0.05) <= 0.085


@pytest.mark.parametrize("change", [name for name in CHANGED if "0.1 sd" not in name])
def test_a_strong_change_is_seen_in_its_first_window(detector: Detector, change: str) -> None:
    window = windows_of(detector, CHANGED[change](World()), 1)
    _, (decision,) = run(detector, window)
    assert (decision.verdict, decision.reason) == (Verdict.DRIFT, Reason.STRONG_WINDOW)


def test_a_tenth_of_a_standard_deviation_accumulates(detector: Detector) -> None:
    _, decisions = run(detector, windows_of(detector, World(shift=0.1), 12))
    slow = [d for d in decisions if d.reason is Reason.ACCUMULATED_EVIDENCE]
    assert len(slow) >= 5
    assert all(d.columns["x2"].named and d.columns["x2"].evidence_share > 0.9 for d in slow)


def test_the_moved_column_is_named_and_the_others_are_not(detector: Detector) -> None:
    _, (decision,) = run(detector, windows_of(detector, World(shift=0.5), 1))
    assert [name for name, column in decision.columns.items() if column.named] == ["x2"]


def test_a_quiet_window_names_nobody(detector: Detector) -> None:
    _, decisions = run(detector, windows_of(detector, World(), 50))
    quiet = [d for d in decisions if d.verdict is Verdict.QUIET]
    assert not any(column.named for d in quiet for column in d.columns.values())


@pytest.mark.parametrize("shift", [0.2, 0.5, 3.0])
def test_drift_stays_drift_while_it_lasts_and_is_over_soon_afterwards(
    detector: Detector, shift: float
) -> None:
    evidence, during = run(detector, windows_of(detector, World(shift=shift), 40))
    first = verdicts(during).index(Verdict.DRIFT)
    assert set(verdicts(during)[first:]) == {Verdict.DRIFT}
    _, after = run(detector, windows_of(detector, World(), 10, seed=3), evidence)
    assert Verdict.QUIET in verdicts(after)[:4]
    assert set(verdicts(after)[4:]) == {Verdict.QUIET}


def test_evidence_is_held_at_its_ceiling(detector: Detector) -> None:
    evidence, decisions = run(detector, windows_of(detector, World(shift=3), 5))
    assert decisions[-1].evidence == pytest.approx(CEILING * detector.threshold)
    assert np.isfinite(evidence.sums).all()


def test_after_a_drift_the_evidence_starts_anew(detector: Detector) -> None:
    evidence, _ = run(detector, windows_of(detector, World(shift=3), 5))
    for window in windows_of(detector, World(), 10, seed=3):
        evidence, decision = detector.step(evidence, window)
        if decision.verdict is Verdict.QUIET:
            break
    assert not evidence.sums.any()
    assert evidence.n_windows == 0


def test_what_to_expect_is_learned_from_quiet_windows_only(detector: Detector) -> None:
    start = detector.start()
    drifting, _ = run(detector, windows_of(detector, World(shift=3), 1))
    quiet, _ = run(detector, windows_of(detector, World(), 1))
    np.testing.assert_array_equal(drifting.mean, start.mean)
    assert not np.array_equal(quiet.mean, start.mean)


def test_a_slow_change_is_not_learned_as_it_comes() -> None:
    world = World(day_effect=0.05)
    detector = detector_of(reference_of(world, 30, np.random.default_rng(1)))
    after = start = detector.start()
    for number, window in enumerate(windows_of(detector, replace(world, shift=0.15), 20)):
        before, (after, decision) = after, detector.step(after, window)
        learned = after.mean != before.mean
        if number == 0:
            learns = learned
        largest_share = max(column.evidence_share for column in decision.columns.values())
        if decision.verdict is Verdict.QUIET and largest_share * decision.evidence > SUSPICION:
            break
    assert 0 < np.sum(learns & ~learned) < 5
    assert not np.array_equal(before.mean, start.mean)


def test_the_same_window_after_the_same_evidence_gets_the_same_decision(detector: Detector) -> None:
    window = windows_of(detector, World(shift=0.2), 1)[0]
    assert detector.step(detector.start(), window) == detector.step(detector.start(), window)


def test_another_detector_on_the_same_reference_decides_alike(detector: Detector) -> None:
    again = detector_of(Reference.from_bytes(detector.reference.to_bytes()))
    windows = windows_of(detector, World(shift=0.1), 5)
    assert run(detector, windows) == run(again, windows)


def test_too_few_rows_are_undecided_and_change_nothing(detector: Detector) -> None:
    evidence, _ = run(detector, windows_of(detector, World(), 2))
    after, decision = detector.step(evidence, windows_of(detector, World(rows=99), 1)[0])
    assert (decision.verdict, decision.reason) == (Verdict.UNDECIDED, Reason.TOO_FEW_ROWS)
    assert decision.p_value is None
    assert after == evidence


def test_an_empty_window_is_undecided(detector: Detector) -> None:
    _, decision = detector.step(detector.start(), Profile.empty(detector.reference))
    assert decision.verdict is Verdict.UNDECIDED


def test_a_change_too_small_to_matter_is_quiet_and_says_why(detector: Detector) -> None:
    tolerant = detector_of(
        detector.reference, ignore_below=EffectFloor(wasserstein_sd=1.0, kolmogorov_smirnov=0.9)
    )
    _, decisions = run(tolerant, windows_of(tolerant, World(shift=0.4), 10))
    assert {d.reason for d in decisions} == {Reason.BELOW_EFFECT_FLOOR}
    assert decisions[0].p_value is not None
    assert decisions[0].p_value < 1e-6
    assert decisions[-1].evidence < 10


def test_a_large_window_with_a_negligible_change_is_quiet(detector: Detector) -> None:
    _, (decision,) = run(detector, windows_of(detector, World(rows=300_000), 1))
    assert decision.verdict is Verdict.QUIET


@pytest.mark.parametrize("rows", [100, 300, 5_000])
def test_windows_of_other_sizes_than_the_references_have_valid_p_values(
    detector: Detector, rows: int
) -> None:
    _, decisions = run(detector, windows_of(detector, World(rows=rows), 150))
    p_values = np.array([decision.p_value for decision in decisions])
    assert np.mean(p_values <= 0.05) <= 0.1
    assert onsets(decisions) <= 2


def test_a_reference_of_one_window_is_provisional_and_knows_its_own_size() -> None:
    alarms, p_values = 0, []
    for seed in range(15):
        detector = detector_of(reference_of(World(), 1, np.random.default_rng(seed)))
        _, decisions = run(detector, windows_of(detector, World(), 10, seed=100 + seed))
        assert all(decision.provisional for decision in decisions)
        assert {decision.caution for decision in decisions} == {Caution.ONE_WINDOW}
        alarms += onsets(decisions)
        p_values += [decision.p_value for decision in decisions]
    assert alarms <= 3
    assert np.mean(np.array(p_values) <= 0.05) <= 0.1


def test_a_provisional_reference_raises_no_accumulated_alarm() -> None:
    detector = detector_of(reference_of(World(), 10, np.random.default_rng(1)))
    _, decisions = run(detector, windows_of(detector, World(shift=0.2), 30))
    assert detector.caution is Caution.FEW_WINDOWS
    assert max(decision.evidence for decision in decisions) >= detector.threshold
    assert Reason.ACCUMULATED_EVIDENCE not in {decision.reason for decision in decisions}


def test_windows_that_resemble_the_day_before_make_a_reference_provisional() -> None:
    world = World(day_effect=0.1, memory=0.7)
    detector = detector_of(reference_of(world, 30, np.random.default_rng(1)))
    assert detector.provisional
    assert detector.caution is Caution.MEMORY


def test_a_window_length_that_the_reference_was_not_cut_into_is_provisional(
    detector: Detector,
) -> None:
    hourly = Detector(detector.reference, window_s=3600.0, budget=YEARLY)
    assert hourly.provisional
    assert hourly.threshold == pytest.approx(24 * detector.threshold)


def test_a_decision_survives_plain_json(detector: Detector) -> None:
    for window in (windows_of(detector, World(shift=1), 1)[0], Profile.empty(detector.reference)):
        _, decision = detector.step(detector.start(), window)
        assert Decision.from_dict(json.loads(json.dumps(decision.to_dict()))) == decision


def test_evidence_and_profiles_of_another_reference_are_refused(detector: Detector) -> None:
    other = detector_of(reference_of(World(), 2, np.random.default_rng(9)))
    own = windows_of(detector, World(), 1)[0]
    with pytest.raises(ValueError, match="one reference"):
        detector.step(other.start(), own)
    with pytest.raises(ValueError, match="one reference"):
        other.step(other.start(), own)
    mangled = replace(detector.start(), mean=np.zeros(3))
    with pytest.raises(ValueError, match="other components"):
        detector.step(mangled, own)


FIELDS = (Field("number", ColumnType.FLOAT), Field("kind", ColumnType.CATEGORY))


@settings(max_examples=60)
@given(numbers(max_size=40), coded(max_size=40), numbers(max_size=40), coded(max_size=40))
def test_whatever_the_data_the_verdict_is_defined(
    before: Floats, kinds: Coded, after: Floats, later_kinds: Coded
) -> None:
    n = min(len(before), len(kinds))
    anchor = np.arange(float(n))  # one sound column, so that there is a reference at all
    rows = Rows({"number": before[:n], "kind": head(kinds, n), "sound": anchor}, n)
    if n < 2:
        return
    fields = (*FIELDS, Field("sound", ColumnType.FLOAT))
    reference = Reference.fit(rows, fields, times=anchor, window_lengths_s=[5.0])
    detector = Detector(reference, window_s=5.0, budget=YEARLY, minimum_rows=1)
    m = min(len(after), len(later_kinds))
    window = count(Rows({"number": after[:m], "kind": head(later_kinds, m)}, m), reference)
    evidence, decision = detector.step(detector.start(), window)
    json.dumps(decision.to_dict(), allow_nan=False)
    assert np.isfinite(evidence.mean).all()
    assert (decision.verdict is Verdict.UNDECIDED) == (m == 0)


def head(column: Coded, n: int) -> Coded:
    return Coded(column.codes[:n], column.levels)


def test_columns_that_vanish_are_drift(detector: Detector) -> None:
    day = next(World().days(np.random.default_rng(5)))
    without = Rows({k: v for k, v in day.columns.items() if k != "x3"}, day.n)
    _, (decision,) = run(detector, [count(without, detector.reference)])
    assert decision.verdict is Verdict.DRIFT
    assert decision.columns["x3"].named


def test_a_new_category_is_drift(detector: Detector) -> None:
    day = next(World().days(np.random.default_rng(5)))
    vehicle = day.columns["vehicle"]
    assert isinstance(vehicle, Coded)
    codes = vehicle.codes.copy()
    codes[:20] = 5
    changed = {**day.columns, "vehicle": Coded(codes, (*vehicle.levels, "cable car"))}
    _, (decision,) = run(detector, [count(Rows(changed, day.n), detector.reference)])
    assert decision.columns["vehicle"].named


def test_infinite_values_are_drift(detector: Detector) -> None:
    day = next(World().days(np.random.default_rng(5)))
    values = np.array(day.columns["x0"])
    values[:20] = np.inf
    _, (decision,) = run(
        detector, [count(Rows({**day.columns, "x0": values}, day.n), detector.reference)]
    )
    assert decision.columns["x0"].named


def test_bursts_of_missing_values_in_one_column_excuse_no_other() -> None:
    rng = np.random.default_rng(6)

    def bursty(day: Rows) -> Rows:
        values = np.array(day.columns["x1"])
        values[rng.random(day.n) < rng.beta(2, 38)] = np.nan
        return Rows({**day.columns, "x1": values}, day.n)

    days = [bursty(day) for day in islice(World().days(rng), 30)]
    times = np.repeat(np.arange(30) * DAY_S, 1_000)
    detector = detector_of(
        Reference.fit(joined(days), SCHEMA, times=times, window_lengths_s=[DAY_S])
    )
    quiet = [count(bursty(day), detector.reference) for day in islice(World().days(rng), 60)]
    assert onsets(run(detector, quiet)[1]) <= 1
    gaps = next(World(missing=0.02).days(rng))
    _, (decision,) = run(detector, [count(gaps, detector.reference)])
    assert decision.columns["x5"].named


def test_an_outlying_day_is_ordinary_where_the_references_days_are_heavy_tailed() -> None:
    world = WideWorld(columns=50, day_effect=0.1, heavy=True)
    rng = np.random.default_rng(4)
    detector = detector_of(wide_streams.reference_of(world, 30, rng))
    quiet = list(islice(wide_streams.profiles(world, detector.reference, rng, first=30), 60))
    assert onsets(run(detector, quiet)[1]) <= 1


@pytest.mark.parametrize("n_days", [1, 5])
def test_evidence_of_a_young_reference_with_groups_survives_its_bytes(n_days: int) -> None:
    rng, world = np.random.default_rng(5), WideWorld(columns=20)
    detector = detector_of(wide_streams.reference_of(world, n_days, rng))
    days = wide_streams.profiles(world, detector.reference, rng)
    evidence, decisions = run(detector, list(islice(days, 5)))
    assert Evidence.from_bytes(evidence.to_bytes()) == evidence
    assert set(verdicts(decisions)) == {Verdict.QUIET}
