"""What every metric of a model promises. They are found by themselves: `METRICS` names them, and
`metrics` tells those that are fit for a target."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.columns import Coded, Column, Counts
from detectors.labels import Task
from detectors.performance.cbpe import estimated_metrics
from detectors.performance.intervals import Estimate
from detectors.performance.metrics import METRICS, Bad, Metric, metrics
from detectors.profile.outcomes import count_outcomes, count_predictions
from detectors.target import Target
from tests.detectors.performance.makers import Classified, binary, multiclass

CLASSIFIED = {"binary": binary(300), "multiclass": multiclass(300)}
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def of_numbers(n: int, noise: float) -> tuple[Target, Counts]:
    rng = np.random.default_rng(0)
    labels = rng.normal(10, 3, n)
    errors = rng.normal(0, noise, n) + noise / 2
    target = Target(prediction="y", task=Task.REGRESSION, unit=3.0, centre=10.0)
    return target, count_outcomes({"y": labels + errors}, labels, target)


def check(found: dict[str, Estimate]) -> None:
    """In its range, with an interval that holds it; or unknown, with the reason."""
    for name, one in found.items():
        if not one.is_known:
            assert math.isnan(one.value), name
            assert one.reason, name
            continue
        metric = METRICS[name]
        assert metric.lowest <= one.value <= metric.highest, name
        assert one.reason is None, name
        assert one.interval is None or one.low <= one.value <= one.high, name


@pytest.mark.parametrize("kind", CLASSIFIED)
@given(n=st.integers(0, 12), seed=st.integers(0, 2**32 - 1))
def test_whatever_was_said_and_true_every_metric_is_sound(kind: str, n: int, seed: int) -> None:
    said = CLASSIFIED[kind]
    rng = np.random.default_rng(seed)
    levels = ("yes", "no", "cat", "dog", "strange")
    columns: dict[str, Column] = {
        name: rng.choice([0.0, 1.0, 0.3, -2.0, np.nan, np.inf], n)
        for name in said.target.probabilities.values()
    }
    columns["said"] = Coded(rng.integers(-1, len(levels), n, dtype=np.int32), levels)
    labels = Coded(rng.integers(-1, len(levels), n, dtype=np.int32), levels)
    counts = count_outcomes(columns, labels, said.target)
    check(dict(metrics(counts, said.target)))
    known = count_outcomes(said.columns, said.labels, said.target)
    check(dict(estimated_metrics(known, count_predictions(columns, said.target), said.target)))


def worse(said: Classified) -> Classified:
    """The same predictions where every other label is another row's."""
    codes = said.labels.codes.copy()
    codes[::2] = np.roll(codes[::2], 1)
    labels = Coded(codes, said.labels.levels)
    return Classified(said.rows, labels, said.target, said.predicted, said.true, said.probabilities)


def moves(before: dict[str, Estimate], after: dict[str, Estimate]) -> dict[str, float]:
    """By metric, how far it went the way that is bad."""
    way = {Bad.HIGHER: 1, Bad.LOWER: -1}
    return {
        name: way[METRICS[name].bad] * (after[name].value - before[name].value)
        if METRICS[name].bad in way
        else abs(after[name].value) - abs(before[name].value)
        for name in before
    }


@pytest.mark.parametrize("said", CLASSIFIED.values(), ids=CLASSIFIED)
def test_a_worse_classification_moves_every_metric_the_bad_way(said: Classified) -> None:
    before, after = (
        dict(metrics(count_outcomes(one.columns, one.labels, one.target), one.target))
        for one in (said, worse(said))
    )
    assert {name for name, moved in moves(before, after).items() if moved <= 0} == set()


def test_a_worse_regression_moves_every_metric_the_bad_way() -> None:
    before, after = (
        dict(metrics(counts, target)) for target, counts in (of_numbers(500, 1), of_numbers(500, 2))
    )
    assert {name for name, moved in moves(before, after).items() if moved <= 0} == set()


def test_every_metric_is_told_of_something() -> None:
    told = {"y": of_numbers(10, 1.0)}
    names = {name for target, counts in told.values() for name in metrics(counts, target)}
    for said in CLASSIFIED.values():
        names |= {*metrics(said.target.vector({}), said.target)}
    assert names == {*METRICS}


def worded(metric: Metric) -> str:
    match math.isfinite(metric.lowest), math.isfinite(metric.highest):
        case True, True:
            return f"{metric.lowest:g} to {metric.highest:g}"
        case True, False:
            return f"{metric.lowest:g} and up"
        case False, True:
            return f"{metric.highest:g} and below"
    return "any"


@pytest.mark.parametrize("name", METRICS)
def test_the_page_says_its_range_and_which_way_is_bad(name: str) -> None:
    row = next(row for row in PAGE.read_text().splitlines() if row.startswith(f"| `{name}`"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2:4] == [worded(METRICS[name]), METRICS[name].bad.value]
