"""Rows that stand for others: sums by weight, and as many rows as tell as much."""

from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from detectors.columns import ColumnType, Field, Floats, Role, Rows, rows_at
from detectors.decision import Detector
from detectors.decision.budget import Budget
from detectors.output import Output
from detectors.profile import Profile, count, count_labels, evened, weighed
from detectors.profile.outcomes import moments_of
from detectors.reference import Reference
from detectors.report.compare import report
from detectors.target import Target
from tests.detectors.makers import SCHEMA, traffic
from tests.detectors.performance.makers import binary

HOUR_S = 3600.0


def profile_of(rows: Rows, labels: Floats, reference: Reference) -> Profile:
    prediction = rows.columns["seats"]
    return count(rows, reference) + count_labels(prediction, labels, reference)


def test_a_row_that_stands_for_three_counts_three_times(reference: Reference, rows: Rows) -> None:
    repeated = count(rows_at(rows, np.repeat(np.arange(rows.n), 3)), reference)
    found = weighed(count(rows, reference), 3)
    assert replace(found, census=repeated.census) == repeated
    assert found.census.tolist() == [rows.n, 9 * rows.n, 3 * rows.n, 0]


def test_profiles_of_different_weights_add_and_survive_being_sent(
    reference: Reference, rows: Rows
) -> None:
    both = weighed(count(rows, reference), 4, one_in=10) + count(rows, reference)
    assert both.census.tolist() == [2 * rows.n, 17 * rows.n, 41 * rows.n, 0]
    assert Profile.from_bytes(both.to_bytes(), reference) == both


@given(weight=st.integers(1, 64), one_in=st.integers(1, 1000))
def test_rows_that_weigh_alike_are_as_many_as_they_are(
    reference: Reference, labelled: tuple[Rows, Floats], weight: int, one_in: int
) -> None:
    rows, labels = labelled
    plain = profile_of(rows_at(rows, slice(0, 300)), labels[:300], reference)
    found = evened(weighed(plain, weight, one_in=one_in), reference)
    assert found.census.tolist() == [300, 300, 300 * weight * one_in, 0]
    for name in ("counts", "sums", "pairs", "faults", "vectors", "delays"):
        assert np.array_equal(getattr(found, name), getattr(plain, name)), name
    assert moments_of(found.outcomes, _target(reference)) == moments_of(
        plain.outcomes, _target(reference)
    )


@given(weights=st.lists(st.sampled_from([1, 2, 4, 16]), min_size=2, max_size=5))
def test_rows_that_weigh_differently_are_as_many_as_tell_as_much(
    reference: Reference, labelled: tuple[Rows, Floats], weights: list[int]
) -> None:
    rows, labels = labelled
    parts = [slice(40 * i, 40 * i + 40) for i in range(len(weights))]
    whole = reduce(
        add,
        (
            weighed(profile_of(rows_at(rows, part), labels[part], reference), weight)
            for part, weight in zip(parts, weights, strict=True)
        ),
    )
    found = evened(whole, reference)
    each = np.repeat(weights, 40)
    assert found.n == each.sum() ** 2 // (each**2).sum()
    assert np.abs(found.counts / found.n - whole.counts / whole.n).max() <= 1.01 / found.n
    assert Profile.from_bytes(found.to_bytes(), reference) == found
    assert evened(found, reference) == found


def test_the_answers_of_a_classifier_are_sound_when_evened() -> None:
    said = binary(600)
    fields = [
        Field("p", ColumnType.FLOAT),
        Field("sex", ColumnType.CATEGORY),
        Field("said", ColumnType.CATEGORY, Role.PREDICTION),
    ]
    output = Output("said", probabilities={"yes": "p"}, groups=("sex",))
    reference = Reference.fit(said.rows, fields, prediction=output, label=said.labels)
    halves = [slice(0, 150), slice(150, 600)]
    parts = []
    for part, weight in zip(halves, (8, 1), strict=True):
        rows = rows_at(said.rows, part)
        labels = replace(said.labels, codes=said.labels.codes[part])
        answers = count_labels(rows.columns["said"], labels, reference, beside=rows.columns)
        parts.append(weighed(count(rows, reference) + answers, weight))
    found = evened(parts[0] + parts[1], reference)
    assert Profile.from_bytes(found.to_bytes(), reference) == found
    right = np.array(said.predicted) == np.array(said.true)
    expected = np.average(right, weights=np.repeat([8, 1], [150, 450]))
    n_labelled, n_correct = found.outcomes[:2]
    assert n_correct / n_labelled == pytest.approx(expected, abs=1 / n_labelled)


def test_a_window_of_which_the_rush_left_in_part_says_what_all_its_rows_would(
    reference: Reference,
) -> None:
    """Speed is higher in the rush, of which one row in eight leaves."""
    quiet, rush = traffic(400, seed=5)[0], traffic(3_200, seed=6)[0]
    speed = rush.columns["speed"]
    assert isinstance(speed, np.ndarray)
    speed += 0.4
    whole = count(quiet, reference) + count(rush, reference)
    kept = np.flatnonzero(np.random.default_rng(7).random(rush.n) < 1 / 8)
    sampled = count(quiet, reference) + weighed(count(rows_at(rush, kept), reference), 8)
    detector = Detector(reference, window_s=HOUR_S, budget=Budget(1, 90 * 86_400.0))
    even = evened(sampled, reference)
    told = report(reference, even, detector.step(detector.start(), even)[1])
    truth = report(reference, whole, detector.step(detector.start(), whole)[1])
    assert even.n == pytest.approx((400 + 8 * len(kept)) ** 2 / (400 + 64 * len(kept)), abs=1)
    assert told.n_seen == 400 + 8 * len(kept)
    assert truth.n_seen is None
    means = [
        next(c for c in one.columns if c.name == "speed").current.mean for one in (told, truth)
    ]
    assert means[0] == pytest.approx(means[1], abs=3 / np.sqrt(even.n))


def _target(reference: Reference) -> Target:
    assert reference.target is not None
    return reference.target


def test_p_values_of_windows_that_left_in_part_mean_what_they_say() -> None:
    """As a control, rows that are taken for as many as they stand for alarm far too often."""
    n_hours, n = 40, 400
    rows, labels = traffic(n_hours * n, seed=1)
    times = np.repeat(np.arange(n_hours) * HOUR_S, n)
    reference = Reference.fit(
        rows, SCHEMA, times=times, window_lengths_s=(HOUR_S,), prediction="seats", label=labels
    )
    detector = Detector(reference, window_s=HOUR_S, budget=Budget(1, 90 * 86_400.0))

    def p_value(profile: Profile) -> float:
        return detector.step(detector.start(), profile)[1].p_value or 0.0

    found = []
    for seed in range(100, 200):
        quiet = count(traffic(200, seed=seed)[0], reference)
        rush = count(traffic(200, seed=seed + 500)[0], reference)
        sampled = quiet + weighed(rush, 8)
        found.append((p_value(evened(sampled, reference)), p_value(sampled)))
    n_evened, n_as_they_are = (np.array(found) < 0.05).sum(axis=0).tolist()
    assert binomtest(n_evened, 100, 0.05, alternative="greater").pvalue > 0.001
    assert binomtest(n_as_they_are, 100, 0.05, alternative="greater").pvalue < 1e-6
