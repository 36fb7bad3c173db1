import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import betabinom

from benchmarks.streams import DAY_S, SCHEMA, World, profiles, reference_of
from detectors.columns import ColumnType, Counts, Field, Floats, Rows
from detectors.decision.components import fit_components
from detectors.decision.nulls import learn_null
from detectors.decision.spikes import Spikes
from detectors.profile import count
from detectors.reference import Reference

NAMES = [field.name for field in SCHEMA]


class Fitted:
    """The spikes of a reference, and what their scores are given."""

    def __init__(self, reference: Reference) -> None:
        self._components = fit_components(reference)
        windows = np.stack([window.counts for window in reference.windows[DAY_S]])
        whole = self._components.measure(reference.profile.counts)
        self._null = learn_null(self._components, whole, self._components.measure(windows))
        spikes = Spikes.fit(reference, self._components, self._null, windows)
        assert spikes is not None
        self._spikes = spikes

    def scores(self, counts: Counts) -> Floats:
        window = self._components.measure(counts)
        n = np.where(window.n >= 100, window.n, 0.0)
        return self._spikes.scores(counts, window.values - self._null.mean, n)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return reference_of(World(), 30, np.random.default_rng(1))


def scores_of(reference: Reference, rows: Rows) -> dict[str, float]:
    found = Fitted(reference).scores(count(rows, reference).counts)
    return dict(zip([*NAMES, "dm.outlier"], found.tolist(), strict=True))


def day_with(name: str, values: Floats) -> Rows:
    """A quiet day in which these values stand in the place of a column's first."""
    day = next(World().days(np.random.default_rng(2)))
    column = np.array(day.columns[name])
    column[: len(values)] = values
    return Rows({**day.columns, name: column}, day.n)


def test_a_twenty_fifth_of_the_rows_at_one_value_in_the_middle_of_the_others_is_a_spike(
    reference: Reference,
) -> None:
    scores = scores_of(reference, day_with("x3", np.zeros(40)))
    assert scores["x3"] > 5
    assert max(score for name, score in scores.items() if name != "x3") < 4


def test_the_score_is_no_less_cautious_than_the_beta_binomial_law_of_every_bin() -> None:
    values = np.random.default_rng(3).normal(size=2_000)
    fields = (Field("x", ColumnType.FLOAT),)
    one = Reference.fit(Rows({"x": values}, 2_000), fields, window_lengths_s=[DAY_S])
    window = Rows(
        {"x": np.append(np.random.default_rng(4).normal(size=485), np.full(15, 0.0))}, 500
    )
    column = one.columns[0]
    counts = one.part(count(window, one).counts, 0)
    known = one.part(one.profile.counts, 0)
    tails = betabinom.sf(counts[1:] - 1, 500, known[1:] + 1e-9, 2_001 - known[1:])
    exact = float(np.min(tails)) * (column.n_slots - 1)
    score = Fitted(one).scores(count(window, one).counts)[0]
    assert exact <= ndtr(-score) <= 20 * exact < 0.01


@pytest.mark.parametrize("world", [World(), World(day_effect=0.2), World(rows=5_000)])
def test_ordinary_days_have_no_spikes_more_often_than_the_scores_say(world: World) -> None:
    p_values = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        own = reference_of(world, 30, rng)
        spikes, days = Fitted(own), profiles(world, own, rng)
        scores = [spikes.scores(next(days).counts) for _ in range(40)]
        p_values.append(ndtr(-np.array(scores)[:, :8]))
    # Bonferroni over bins, and counts that are whole: the scores say less than they could.
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05
    assert np.mean(np.array(p_values) <= 0.002) <= 0.006


def test_a_bin_that_the_references_own_days_fill_unevenly_is_no_spike() -> None:
    def bursty(rng: np.random.Generator) -> Floats:
        return np.where(rng.random(1_000) < rng.beta(2, 18), 0.0, rng.normal(size=1_000))

    rng = np.random.default_rng(5)
    values = np.concatenate([bursty(rng) for _ in range(30)])
    times = np.repeat(np.arange(30) * DAY_S, 1_000)
    rows = Rows({"x": values}, 30_000)
    own = Reference.fit(
        rows, (Field("x", ColumnType.FLOAT),), times=times, window_lengths_s=[DAY_S]
    )
    windows = [count(Rows({"x": bursty(rng)}, 1_000), own).counts for _ in range(60)]
    scores = np.array([Fitted(own).scores(window)[0] for window in windows])
    assert np.mean(scores > 2) <= 0.05


def test_categories_have_no_spikes_and_neither_have_too_few_values(reference: Reference) -> None:
    scores = scores_of(reference, day_with("x3", np.full(950, np.nan)))
    assert np.isnan([scores["x3"], scores["vehicle"], scores["ticket"]]).all()
    assert np.isfinite(scores["x0"])


def test_a_day_that_has_moved_bodily_has_no_spikes(reference: Reference) -> None:
    moved = np.random.default_rng(7).normal(0.6, 1.0, 1_000)
    assert scores_of(reference, day_with("x3", moved))["x3"] < 3.5
