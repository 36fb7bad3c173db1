import sys

import numpy as np
import pytest
from scipy.stats import kstest

from detectors.columns import ColumnType, Field, Role, Rows
from detectors.reference import OUTLIER, Reference, ReferenceError  # noqa: A004
from detectors.scorers import OUTLIER_SCORERS

X = Field("x", ColumnType.FLOAT)
Y = Field("y", ColumnType.FLOAT)


def normal(n: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    return Rows({"x": rng.normal(size=n), "y": rng.normal(size=n)}, n)


@pytest.mark.parametrize("n", [200, 2_000, 20_000])
def test_p_values_of_new_rows_are_uniform(n: int) -> None:
    levels, n_repeats, n_calibration = np.array([0.02, 0.1, 0.5]), 10, n // 2
    rates = np.zeros(3)
    for seed in range(n_repeats):
        reference = Reference.fit(normal(n, seed), [X, Y], seed=seed)
        p_values = reference.scores(reference.placed(normal(2_000, seed + 1_000)))[OUTLIER]
        rates += (p_values[:, None] <= levels).mean(axis=0) / n_repeats
    sd = np.sqrt(levels * (1 - levels) / n_calibration / n_repeats)
    assert (np.abs(rates - levels) <= 3 * sd + 1 / n_calibration).all()


def test_p_values_of_a_large_reference_pass_a_test_of_uniformity() -> None:
    reference = Reference.fit(normal(40_000), [X, Y])
    p_values = reference.scores(reference.placed(normal(1_000, seed=1)))[OUTLIER]
    assert kstest(p_values, "uniform").pvalue > 0.01


def test_rows_unlike_the_reference_have_small_p_values() -> None:
    reference = Reference.fit(normal(5_000), [X, Y])
    far = Rows({"x": np.array([6.0, -7.0]), "y": np.array([-5.0, 8.0])}, 2)
    assert reference.scores(reference.placed(far))[OUTLIER].max() < 0.001


def test_two_rows_are_enough_to_fit() -> None:
    reference = Reference.fit(normal(2), [X, Y])
    assert reference.scores(reference.placed(normal(5)))[OUTLIER].min() >= 0.5


@pytest.mark.parametrize("name", sorted(OUTLIER_SCORERS.keys() - {"autoencoder", "confidence"}))
def test_every_scorer_can_be_chosen_and_is_kept_in_the_references_bytes(name: str) -> None:
    fitted = Reference.fit(normal(2_000), [X, Y], outlier_scorer=name)
    reference = Reference.from_bytes(fitted.to_bytes())
    assert type(reference.outlier.scorer) is OUTLIER_SCORERS[name]
    rows = Rows({"x": np.array([0.1, 9.0]), "y": np.array([0.1, 3.0])}, 2)
    usual, far = reference.scores(reference.placed(rows))[OUTLIER]
    assert usual > 0.2
    assert far < 0.01


def test_a_scorer_that_is_not_known_is_refused() -> None:
    with pytest.raises(ReferenceError, match="no scorer 'oracle'; there are ecod"):
        Reference.fit(normal(100), [X, Y], outlier_scorer="oracle")


def test_a_model_without_probabilities_has_no_confidence_to_score_by() -> None:
    with pytest.raises(ReferenceError, match="'confidence': no prediction is a probability"):
        Reference.fit(normal(100), [X, Y], outlier_scorer="confidence")


def test_rows_of_which_the_model_is_unsure_can_be_the_outliers() -> None:
    p = np.random.default_rng(0).beta(0.1, 0.1, 2_000)
    schema = [Field("p", ColumnType.FLOAT, Role.PREDICTION)]
    reference = Reference.fit(Rows({"p": p}, 2_000), schema, outlier_scorer="confidence")
    found = reference.scores(reference.placed(Rows({"p": np.array([0.5, 0.999])}, 2)))[OUTLIER]
    assert found[0] < 0.05 < found[1]


def test_a_scorer_whose_library_is_missing_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    with pytest.raises(ReferenceError, match="'autoencoder': import of torch halted"):
        Reference.fit(normal(100), [X, Y], outlier_scorer="autoencoder")
