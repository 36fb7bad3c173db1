"""Metrics of a classification, from how often each class was predicted and true."""

import numpy as np

from detectors.columns import Floats
from detectors.performance.intervals import Estimate, bounded, share, undefined

Confusion = Floats
"""(classes + 1, classes + 1) rows by class predicted and class true; the last is any other."""


def accuracy(n_correct: float, n: float) -> Estimate:
    """The share of predictions that are right; Wilson's interval."""
    return share(n_correct, n, without="no labels")


def precision(confusion: Confusion, k: int) -> Estimate:
    """Of the rows predicted to be class k, the share that is; Wilson's interval."""
    return share(confusion[k, k], confusion[k].sum(), without="the class is never predicted")


def recall(confusion: Confusion, k: int) -> Estimate:
    """Of the rows of class k, the share predicted to be; Wilson's interval."""
    return share(confusion[k, k], confusion[:, k].sum(), without="no label of the class")


def f1(confusion: Confusion, k: int) -> Estimate:
    """The harmonic mean of precision and recall of class k.

    It is 2 q / (1 + q) of the share q of hits among hits, misses and false alarms (Jaccard), so
    Wilson's interval of q gives its own.
    """
    hits = confusion[k, k]
    either = confusion[k].sum() + confusion[:, k].sum() - hits
    q = share(hits, either, without="the class is neither predicted nor true")
    value, low, high = (2 * x / (1 + x) for x in (q.value, q.low, q.high))
    return Estimate(value, low, high, q.reason)


def macro_precision(confusion: Confusion) -> Estimate:
    """The mean precision of the classes that were predicted."""
    return _macro(confusion, predicted=1, true=0)


def macro_recall(confusion: Confusion) -> Estimate:
    """The mean recall of the classes that have labels."""
    return _macro(confusion, predicted=0, true=1)


def macro_f1(confusion: Confusion) -> Estimate:
    """The mean F1 of the classes that were predicted or have labels."""
    return _macro(confusion, predicted=1, true=1)


def _macro(confusion: Confusion, *, predicted: int, true: int) -> Estimate:
    """The mean over classes of (predicted + true)·hits / (predicted·rows + true·columns).

    The interval is by the delta method on the whole table (Takahashi et al. 2022 for F1).
    """
    known = confusion[:-1, :-1]
    weight = predicted + true
    n = predicted * confusion[:-1].sum(axis=1) + true * confusion[:, :-1].sum(axis=0)
    present = n > 0
    if not present.any():
        return undefined("no class is predicted or true")
    per_row = np.divide(1.0, n, out=np.zeros(len(n)), where=present)
    ratios = weight * np.diag(known) * per_row
    # What one more row in a cell does to the sum of the ratios, times the rows.
    influence = np.zeros(confusion.shape)
    influence[:-1] -= predicted * (ratios * per_row)[:, None]
    influence[:, :-1] -= true * (ratios * per_row)[None, :]
    influence[np.arange(len(n)), np.arange(len(n))] += weight * per_row
    variance = float((confusion * influence**2).sum()) / present.sum() ** 2
    fewest = float(n[present].min()) / weight
    return bounded(float(ratios[present].mean()), variance, n=fewest)
