"""Two sets of rows are alike if no classifier can tell them apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from detectors.columns import Floats

N_FOLDS = 5
CONFIDENCE = 0.95
FEWEST_ROWS = 10 * N_FOLDS
"""On a side; with fewer nothing is learned and nothing said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierTest:
    """auc: of telling current from reference rows, on rows not learned from; 0.5 is by chance.

    interval: of the AUC, two limits at 95 %. p_value: of an AUC so high by chance.
    importance: (d,) AUC that is lost when a column's values are shuffled among rows; what the
        classifier did not use is 0 or near it, and may be below.
    """

    auc: float
    interval: tuple[float, float]
    p_value: float
    importance: Floats


def classifier_two_sample(
    reference: ArrayLike, current: ArrayLike, /, *, rng: np.random.Generator
) -> ClassifierTest:
    """The AUC of boosted trees that tell current rows from reference rows, cross-fitted.

    (rows, d) and (rows, d), any numbers of rows; NaN is missing, which trees learn from too. Each
    of 5 folds is scored by trees grown on the others; the AUC is the mean of the folds'. NaN with
    fewer than 50 rows on a side. Needs scikit-learn.
    Folds share the rows that they learn from, which is allowed for, generously: of samples of one
    law fewer than 5 % get a p-value below 0.05.
    Sources: Lopez-Paz and Oquab (2017); variance of a fold's AUC by DeLong, DeLong, Clarke-Pearson
    (1988), without a difference by Mann and Whitney (1947), of their mean by Nadeau and Bengio
    (2003).
    """
    ours, theirs = (_table(side) for side in (reference, current))
    n_columns = ours.shape[1]
    if min(len(ours), len(theirs)) < FEWEST_ROWS or n_columns == 0:
        unknown = np.full(n_columns, np.nan)
        return ClassifierTest(
            auc=np.nan, interval=(np.nan, np.nan), p_value=np.nan, importance=unknown
        )
    rows = np.concatenate([ours, theirs])
    is_current = np.repeat([False, True], [len(ours), len(theirs)])
    folds = [_fold(rows, is_current, test, rng) for test in _folds(is_current, rng)]
    auc = float(np.mean([fold.auc for fold in folds]))
    spread = _sd_of_mean([fold.variance for fold in folds])
    by_chance = _sd_of_mean([fold.null_variance for fold in folds])
    return ClassifierTest(
        auc=auc,
        interval=_interval(auc, spread),
        p_value=float(ndtr((0.5 - auc) / by_chance)) if by_chance > 0 else 1.0,
        importance=np.mean([fold.importance for fold in folds], axis=0),
    )


@dataclass(frozen=True, slots=True)
class _Fold:
    """AUC, its variance by DeLong, its variance without a difference, and what columns add."""

    auc: float
    variance: float
    null_variance: float
    importance: Floats


def _table(rows: ArrayLike) -> Floats:
    """Finite or NaN, float64: infinities are as large as numbers can be, and trees only order."""
    table = np.asarray(rows, dtype=np.float64)
    table = table[:, np.newaxis] if table.ndim == 1 else table
    return np.nan_to_num(table, nan=np.nan)


def _folds(is_current: NDArray[np.bool_], rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    """(rows,) the rows of each fold; every fold has its share of both sides."""
    fold_of = np.empty(len(is_current), dtype=np.intp)
    for side in (is_current, ~is_current):
        fold_of[side] = rng.permutation(np.count_nonzero(side)) % N_FOLDS
    return (fold_of == k for k in range(N_FOLDS))


def _fold(
    rows: Floats, is_current: NDArray[np.bool_], test: NDArray[np.bool_], rng: np.random.Generator
) -> _Fold:
    trees = _grown(rows[~test], is_current[~test], seed=int(rng.integers(1 << 31)))
    held_out, truth = rows[test], is_current[test]
    scores = trees.decision_function(held_out)
    auc, variance = _auc(scores[~truth], scores[truth])
    importance = np.zeros(rows.shape[1])
    for column in range(rows.shape[1]):
        shuffled = held_out.copy()
        shuffled[:, column] = rng.permutation(shuffled[:, column])
        scores_without = trees.decision_function(shuffled)
        importance[column] = auc - _auc(scores_without[~truth], scores_without[truth])[0]
    return _Fold(auc, variance, _null_variance(scores, truth), importance)


def _grown(rows: Floats, is_current: NDArray[np.bool_], *, seed: int) -> Any:
    # It takes a second to import, and only this test needs it.
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

    trees = HistGradientBoostingClassifier(
        max_iter=40,
        max_leaf_nodes=8,
        min_samples_leaf=30,
        l2_regularization=10.0,
        learning_rate=0.1,
        early_stopping=False,
        random_state=seed,
    )
    return trees.fit(rows, is_current)


def _auc(negatives: Floats, positives: Floats) -> tuple[float, float]:
    """The area under the ROC curve and its variance, from DeLong's placements."""
    below = _share_below(positives, negatives)
    above = 1 - _share_below(negatives, positives)
    variance = below.var(ddof=1) / len(positives) + above.var(ddof=1) / len(negatives)
    return float(below.mean()), float(variance)


def _share_below(values: Floats, others: Floats) -> Floats:
    """Of the others, for every value; those that equal it count half."""
    ordered = np.sort(others)
    left, right = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return (left + right) / (2 * len(others))


def _null_variance(scores: Floats, truth: NDArray[np.bool_]) -> float:
    """Of the AUC if labels were drawn at random: Mann and Whitney's, less what ties take."""
    n, m = np.count_nonzero(~truth), np.count_nonzero(truth)
    total = n + m
    _, ties = np.unique(scores, return_counts=True)
    tied = float((ties.astype(np.float64) ** 3 - ties).sum()) / (total * (total - 1))
    return float((total + 1 - tied) / (12 * n * m))


def _sd_of_mean(variances: Sequence[float]) -> float:
    """Of folds that are not independent: 1 / folds becomes 1 / folds + test rows / others."""
    return float(np.sqrt(np.mean(variances) * (1 / N_FOLDS + 1 / (N_FOLDS - 1))))


def _interval(auc: float, sd: float) -> tuple[float, float]:
    """On the logit scale, where it cannot leave 0 to 1; a point where nothing varies."""
    if sd == 0 or not 0 < auc < 1:
        return auc, auc
    logit = np.log(auc / (1 - auc))
    half = float(ndtri((1 + CONFIDENCE) / 2)) * sd / (auc * (1 - auc))
    low, high = 1 / (1 + np.exp(-np.array([logit - half, logit + half])))
    return float(low), float(high)
