import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from detectors.columns import Floats, Rows
from detectors.output import Output
from detectors.performance.intervals import Estimate
from detectors.performance.metrics import METRICS, metrics
from detectors.profile.outcomes import LARGEST, count_outcomes
from detectors.target import Target
from tests.detectors.makers import numbers

UNIT = Target.fit(Output("y"), Rows({"y": np.array([-1.0, 1.0])}, 2), None)


def measured(predicted: Floats, labels: Floats, target: Target = UNIT) -> dict[str, Estimate]:
    return dict(metrics(count_outcomes({"y": predicted}, labels, target), target))


@pytest.mark.parametrize(("noise", "scale"), [(1.0, 1.0), (0.01, 1e6), (30.0, 1e-6)])
def test_a_regression_is_told_as_by_scikit_learn(noise: float, scale: float) -> None:
    rng = np.random.default_rng(3)
    labels = scale * (5 + rng.normal(size=2_000))
    predicted = labels + scale * noise * (rng.normal(size=2_000) + 0.2)
    target = Target.fit(Output("y"), Rows({"y": predicted}, 2_000), labels)
    found = {name: one.value for name, one in measured(predicted, labels, target).items()}
    exact = {
        "mae": mean_absolute_error(labels, predicted),
        "rmse": root_mean_squared_error(labels, predicted),
        "bias": float((predicted - labels).mean()),
    }
    assert {n: found[n] for n in exact} == pytest.approx(exact, rel=1e-3, abs=scale * 2**-16)
    assert found["r_squared"] == pytest.approx(r2_score(labels, predicted), rel=1e-4)


@pytest.mark.parametrize("noise", [0.05, 0.5, 2.0])
def test_intervals_hold_what_many_rows_say(noise: float) -> None:
    rng = np.random.default_rng(4)
    held = dict[str, list[bool]]()
    truth = {
        "mae": noise * np.sqrt(2 / np.pi),
        "rmse": noise,
        "bias": 0.0,
        "r_squared": 1 - noise**2,
    }
    for _ in range(300):
        labels = rng.normal(size=200)
        found = measured(labels + noise * rng.normal(size=200), labels)
        for name, value in truth.items():
            held.setdefault(name, []).append(found[name].low <= value <= found[name].high)
    assert {name: np.mean(h) for name, h in held.items()} == pytest.approx(
        dict.fromkeys(truth, 0.945), abs=0.035
    )


@given(numbers(), numbers())
def test_whatever_the_numbers_a_metric_is_known_or_says_why(x: Floats, y: Floats) -> None:
    n = min(len(x), len(y))
    for name, one in measured(x[:n], y[:n]).items():
        assert one.is_known or one.reason
        assert not one.is_known or METRICS[name].lowest <= one.value <= METRICS[name].highest
        assert one.interval is None or one.low <= one.value <= one.high


def test_errors_beyond_all_bounds_count_as_the_largest_and_have_no_interval() -> None:
    found = measured(np.array([1e300, 0.0]), np.zeros(2))
    assert found["mae"].value == LARGEST / 2
    assert found["rmse"].interval is None
    assert found["r_squared"].reason == "the labels do not vary"


def test_few_labels_are_no_interval() -> None:
    found = measured(np.array([3.0]), np.array([1.0]))
    assert (found["mae"].value, found["mae"].interval) == (2.0, None)
    assert found["r_squared"].reason == "fewer than two labels"
    assert {one.reason for one in measured(np.array([]), np.array([])).values()} == {
        "no labels",
        "fewer than two labels",
    }
