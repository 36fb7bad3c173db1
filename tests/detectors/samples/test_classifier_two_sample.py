import importlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from detectors.columns import Floats
from detectors.samples import classifier_two_sample

module = importlib.import_module("detectors.samples.classifier_two_sample")
scores = arrays(np.float64, st.integers(2, 20), elements=st.integers(-3, 3).map(float))


def sample(n: int, *, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, 3))


def wins(negatives: Floats, positives: Floats) -> Floats:
    """(negatives, positives) 1 where the positive is above, a half where they tie."""
    above = positives > negatives[:, np.newaxis]
    return np.asarray(above + (positives == negatives[:, np.newaxis]) / 2)


@given(negatives=scores, positives=scores)
def test_the_auc_is_scikit_learns(negatives: Floats, positives: Floats) -> None:
    truth = np.repeat([0, 1], [len(negatives), len(positives)])
    expected = roc_auc_score(truth, np.concatenate([negatives, positives]))
    assert module._auc(negatives, positives)[0] == pytest.approx(expected)


@given(negatives=scores, positives=scores)
def test_its_variance_is_delongs(negatives: Floats, positives: Floats) -> None:
    won = wins(negatives, positives)
    by_positive, by_negative = won.mean(axis=0), won.mean(axis=1)
    expected = by_positive.var(ddof=1) / len(positives) + by_negative.var(ddof=1) / len(negatives)
    assert module._auc(negatives, positives)[1] == pytest.approx(expected, abs=1e-12)


def test_its_variance_without_a_difference_is_that_over_all_labellings() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, 30).astype(np.float64)
    truth = np.arange(30) < 12
    relabelled = [rng.permutation(truth) for _ in range(20_000)]
    aucs = [wins(values[~labels], values[labels]).mean() for labels in relabelled]
    assert module._null_variance(values, truth) == pytest.approx(np.var(aucs), rel=0.05)


def test_it_names_the_column_that_moved() -> None:
    reference, current = sample(300, seed=1), sample(200, seed=2)
    current[:, 1] += 1.0
    found = classifier_two_sample(reference, current, rng=np.random.default_rng(0))
    assert found.p_value < 1e-4
    assert found.interval[0] < found.auc < found.interval[1]
    assert found.importance.argmax() == 1
    assert found.importance[1] > 3 * np.abs(np.delete(found.importance, 1)).max()


def test_normal_laws_a_sigma_apart_are_told_as_well_as_they_can_be() -> None:
    rng = np.random.default_rng(3)
    reference, current = rng.normal(size=(2000, 1)), rng.normal(1.0, 1.0, (2000, 1))
    found = classifier_two_sample(reference, current, rng=rng)
    best = 0.7602  # the normal distribution function at 1 / √2
    assert found.interval[0] < best < found.interval[1]


def test_missing_values_tell_rows_apart_too() -> None:
    reference, current = sample(200, seed=1), sample(200, seed=2)
    current[::2, 0] = np.nan
    assert classifier_two_sample(reference, current, rng=np.random.default_rng(0)).p_value < 1e-6
