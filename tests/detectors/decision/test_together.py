from itertools import islice

import numpy as np
import pytest
from scipy.stats import combine_pvalues

from benchmarks.streams import DAY_S
from benchmarks.wide_streams import Shift, WideWorld, profiles, reference_of
from detectors.decision.evidence import no_evidence
from detectors.decision.expectation import (
    COLUMN_WEIGHT,
    GROUP_WEIGHT,
    MANY_WEIGHT,
    PAIR_WEIGHT,
    Expectation,
    Surprise,
)
from detectors.decision.together import apart, fisher
from detectors.reference import Reference

WORLD = WideWorld(columns=20)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return reference_of(WORLD, 30, np.random.default_rng(1))


@pytest.fixture(scope="module")
def expectation(reference: Reference) -> Expectation:
    return Expectation(reference, window_s=DAY_S, minimum_rows=100)


def surprises(
    expectation: Expectation, reference: Reference, shift: Shift, n: int
) -> list[Surprise]:
    days = profiles(WORLD, reference, np.random.default_rng(2), shift=shift, first=30)
    none = no_evidence(reference.id, expectation.null.mean, expectation.null.mean_variance)
    return [expectation.surprise(day, none) for day in islice(days, n)]


@pytest.mark.parametrize(("first", "second"), [(0.5, 0.5), (1e-9, 0.3), (1.0, 1.0), (0.02, 0.03)])
def test_fishers_combination_is_scipys(first: float, second: float) -> None:
    assert fisher(first, second) == pytest.approx(combine_pvalues([first, second]).pvalue)


def test_the_weights_of_what_is_looked_at_are_the_whole_budget() -> None:
    assert pytest.approx(1) == COLUMN_WEIGHT + MANY_WEIGHT + GROUP_WEIGHT + PAIR_WEIGHT


def test_quiet_windows_have_valid_p_values(expectation: Expectation, reference: Reference) -> None:
    quiet = surprises(expectation, reference, Shift.NONE, 200)
    p = [expectation.window_p_value(expectation.column_p_values(one), one) for one in quiet]
    assert np.mean(np.array(p) <= 0.05) <= 0.08
    assert np.mean(np.array(p) <= 0.01) <= 0.025


def test_ignoring_everything_leaves_nothing_to_alarm_about(
    expectation: Expectation, reference: Reference
) -> None:
    (lost,) = surprises(expectation, reference, Shift.CORRELATION, 1)
    p_values = expectation.column_p_values(lost)
    everything = expectation.ignored(lost, np.ones(len(reference.columns), dtype=np.bool_), 2.0)
    assert expectation.window_p_value(p_values, lost) < 1e-6
    assert expectation.window_p_value(p_values, lost, everything) == 1.0
    assert expectation.moved_together(lost, everything, 1 / 730) == []


def test_a_group_whose_pairs_changed_is_not_ignored_with_its_columns(
    expectation: Expectation, reference: Reference
) -> None:
    (lost,) = surprises(expectation, reference, Shift.CORRELATION, 1)
    columns = expectation.ignored(lost, np.ones(len(reference.columns), dtype=np.bool_), 0.05)
    # Two groups: their locations come before their spreads.
    assert columns.components[:-2].all()
    assert not columns.components[-2]


def test_what_columns_say_beyond_their_relatives_is_standard_normal() -> None:
    rng = np.random.default_rng(3)
    correlation = np.full((4, 4), 0.6) + 0.4 * np.eye(4)
    scores = rng.multivariate_normal(np.zeros(4), correlation, size=20_000)
    own = scores @ apart(correlation).T
    np.testing.assert_allclose(own.std(axis=0), 1, atol=0.02)
    # Of its own a column keeps what regression on the others leaves, ridge aside.
    others = scores[:, 1:] @ np.linalg.lstsq(scores[:, 1:], scores[:, 0], rcond=None)[0]
    assert np.corrcoef(own[:, 0], scores[:, 0] - others)[0, 1] > 0.95


def test_copies_of_a_column_do_not_blow_up() -> None:
    assert np.abs(apart(np.ones((5, 5)))).max() < 10
