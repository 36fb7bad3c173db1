"""How far a model's performance moves from day to day, and what is more than that."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from detectors.columns import Coded, ColumnType, Field, Floats, Role, Rows
from detectors.decision.performance import UsualPerformance, beside
from detectors.performance import realised
from detectors.profile import Profile, count, count_labels
from detectors.reference import Reference
from detectors.report import Performance

DAY = 86_400.0
FIELDS = (Field("x", ColumnType.FLOAT), Field("said", ColumnType.FLOAT, Role.PREDICTION))
CLASSES = (Field("x", ColumnType.FLOAT), Field("said", ColumnType.CATEGORY, Role.PREDICTION))


def errors(n_days: int, n: int, *, day_sd: float, seed: int, scale: float = 1.0) -> Floats:
    """(n_days, n) errors whose size has days of its own."""
    rng = np.random.default_rng(seed)
    sizes = scale * np.exp(rng.normal(0.0, day_sd, n_days))
    wrong: Floats = sizes[:, np.newaxis] * rng.normal(0.0, 1.0, (n_days, n))
    return wrong


def fit(days: Floats) -> Reference:
    n_days, n = days.shape
    x = np.random.default_rng(99).normal(0.0, 3.0, days.size)
    return Reference.fit(
        Rows({"x": x, "said": 2 * x}, len(x)),
        FIELDS,
        times=np.repeat(np.arange(n_days) * DAY, n),
        window_lengths_s=(DAY,),
        prediction="said",
        label=2 * x + days.ravel(),
    )


def day_of(wrong: Floats, reference: Reference) -> Profile:
    x = np.random.default_rng(7).normal(0.0, 3.0, len(wrong))
    rows = Rows({"x": x, "said": 2 * x}, len(x))
    return count(rows, reference) + count_labels(2 * x, 2 * x + wrong, reference)


def learn(reference: Reference) -> UsualPerformance:
    return UsualPerformance.learn(reference, window_s=DAY, minimum_rows=50)


def p_value(usual: UsualPerformance, told: Performance | None) -> float:
    found = beside(usual.realised, told)
    assert found is not None
    assert found.p_value is not None
    return found.p_value


def test_days_that_differ_are_held_against_days_and_not_against_rows() -> None:
    """Of like days Student's prediction interval is the law, up to the score's error of 0.1."""
    days = errors(40, 200, day_sd=0.2, seed=1)
    usual = learn(fit(days))
    means = np.abs(days).mean(axis=1)
    reference = fit(days)
    for value in (0.8, 1.0, 1.2, 1.5):
        told = replace(_told(reference), value=float(value), n=200)
        t = (value - means.mean()) / (means.std(ddof=1) * np.sqrt(1 + 1 / 40))
        p = stats.t.sf(t, 39)
        assert stats.norm.isf(p_value(usual, told)) == pytest.approx(stats.norm.isf(p), abs=0.15)


def _told(reference: Reference) -> Performance:
    told = realised(reference.profile, reference)
    assert told is not None
    return told


@pytest.mark.parametrize("day_sd", [0.0, 0.3])
def test_as_many_quiet_days_are_found_worse_as_the_p_value_says(day_sd: float) -> None:
    reference = fit(errors(60, 200, day_sd=day_sd, seed=2))
    usual = learn(reference)
    base = _told(reference)
    means = np.abs(errors(20_000, 200, day_sd=day_sd, seed=3)).mean(axis=1)
    p = np.array([p_value(usual, replace(base, value=float(m), n=200)) for m in means[:2_000]])
    for nominal in (0.2, 0.05):
        assert 0.5 * nominal < np.mean(p <= nominal) < 1.6 * nominal


def test_a_model_that_errs_twice_as_much_is_found_worse_in_its_first_window() -> None:
    reference = fit(errors(40, 200, day_sd=0.1, seed=4))
    worse = realised(day_of(errors(1, 200, day_sd=0.0, seed=5, scale=2.0)[0], reference), reference)
    as_good = realised(day_of(errors(1, 200, day_sd=0.0, seed=6)[0], reference), reference)
    assert p_value(learn(reference), worse) < 1e-6
    assert p_value(learn(reference), as_good) > 0.01


def test_fewer_windows_than_evidence_needs_say_nothing() -> None:
    assert learn(fit(errors(19, 200, day_sd=0.1, seed=8))) == UsualPerformance()
    assert learn(fit(errors(40, 40, day_sd=0.1, seed=8))) == UsualPerformance()


def test_of_a_classifier_a_lower_accuracy_is_worse() -> None:
    rng = np.random.default_rng(9)
    n_days, n = 30, 200
    x, truth = rng.normal(size=n_days * n), rng.integers(0, 2, n_days * n).astype(np.int32)
    said = np.where(rng.random(n_days * n) < 0.1, 1 - truth, truth).astype(np.int32)
    levels = ("no", "yes")
    reference = Reference.fit(
        Rows({"x": x, "said": Coded(said, levels)}, len(x)),
        CLASSES,
        times=np.repeat(np.arange(n_days) * DAY, n),
        window_lengths_s=(DAY,),
        prediction="said",
        label=Coded(truth, levels),
    )
    usual, base = learn(reference), _told(reference)
    # Days are alike here: chance alone is binomial.
    for n_right in (186, 180, 172, 165):
        p = p_value(usual, replace(base, value=n_right / n, n=n))
        assert base.value is not None
        exact = stats.binom.cdf(n_right, n, base.value)
        assert stats.norm.isf(p) == pytest.approx(stats.norm.isf(exact), abs=0.35)
