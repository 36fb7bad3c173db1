"""Outliers on labelled rows: how many of those flagged are none, and how many are found.

    python -m benchmarks.outliers [--quick] [--out FILE.json]

Every scorer but the autoencoder, which takes long to fit, and beside them scikit-learn's isolation
forest is fitted on rows without outliers, calibrated on others, and flags rows of a mixture by
conformal p-values and Benjamini-Hochberg at a false discovery rate of 0.1. Data:
benchmarks/labelled_rows.py. Each repetition splits or draws them anew.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from sklearn.ensemble import IsolationForest as ScikitLearnForest

from benchmarks.labelled_rows import DATA, Labelled
from benchmarks.rules import tabulate
from detectors import conformal
from detectors.bins import ReferenceColumn
from detectors.columns import Coded, Floats, Rows
from detectors.decision.fdr import benjamini_hochberg
from detectors.reference import Reference
from detectors.scorers import OUTLIER_SCORERS, PlacedRows
from detectors.scorers.outlier import Scorer

RATE: Final = 0.1
LEFT_OUT: Final = ("autoencoder", "confidence")
"""The first needs PyTorch, the second a model."""
SCORERS: Final = tuple(name for name in OUTLIER_SCORERS if name not in LEFT_OUT)

Score = Callable[[Rows], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Means over repetitions, and the standard error of the first.

    false_discoveries: share of those flagged that are no outliers, none flagged being 0.
    power: share of the outliers that are flagged.
    """

    data: str
    scorer: str
    false_discoveries: float
    error: float
    power: float


def found(name: str, *, repetitions: int) -> Iterator[Found]:
    results: dict[str, list[tuple[float, float]]] = {}
    for seed in range(repetitions):
        labelled = DATA[name](np.random.default_rng(seed))
        for scorer, score in _fitted(labelled, seed):
            results.setdefault(scorer, []).append(judged(labelled, score))
    for scorer, pairs in results.items():
        false, power = np.array(pairs).T
        yield Found(
            data=name,
            scorer=scorer,
            false_discoveries=float(false.mean()),
            error=float(false.std(ddof=1) / np.sqrt(repetitions)),
            power=float(power.mean()),
        )


def _fitted(labelled: Labelled, seed: int) -> Iterator[tuple[str, Score]]:
    forest = ScikitLearnForest(random_state=seed).fit(_matrix(labelled.fitted))
    yield "scikit-learn's isolation forest", lambda rows: -forest.score_samples(_matrix(rows))
    columns = Reference.fit(labelled.fitted, labelled.schema, seed=seed).declared
    placed = PlacedRows.of(labelled.fitted, columns)
    for name in SCORERS:
        scorer = OUTLIER_SCORERS[name].fit(placed, columns, rng=np.random.default_rng(seed))
        yield name, partial(_score, scorer, columns)


def _score(scorer: Scorer, columns: Sequence[ReferenceColumn], rows: Rows) -> Floats:
    return scorer.score(PlacedRows.of(rows, columns))


def judged(labelled: Labelled, score: Score) -> tuple[float, float]:
    """The share of false discoveries, and the power."""
    p_values = conformal.p_values(np.sort(score(labelled.calibration)), score(labelled.mixed))
    flagged = benjamini_hochberg(p_values) <= RATE
    false = (flagged & ~labelled.is_outlier).sum() / max(1, flagged.sum())
    return float(false), float(flagged[labelled.is_outlier].mean())


def _matrix(rows: Rows) -> Floats:
    columns = [c.codes if isinstance(c, Coded) else c for c in rows.columns.values()]
    return np.stack(columns, axis=1).astype(np.float64)


def run(quick: bool) -> Iterator[Found]:
    for name in DATA:
        yield from found(name, repetitions=10 if quick else 40)


if __name__ == "__main__":
    tabulate(__doc__, run)
