"""Whether a window's performance is worse than the reference's own windows let expect.

A model errs more on some days than on others, without being a worse model. So a window is held
against how much the reference's windows differ, as columns are: the variance of a window of n rows
is 1/n, what rows drawn at random give it, plus a variance between windows. With one component
there is nothing to moderate it by; few windows are paid for by Student's law.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from scipy.special import ndtr

from detectors.bins import NumericColumn
from detectors.columns import Floats
from detectors.decision.components import Measurement
from detectors.decision.detector import SETTLED_WINDOWS
from detectors.decision.nulls import Null, learn_alike, scored_alone
from detectors.performance import expected, realised
from detectors.performance.metrics import METRICS, Bad
from detectors.profile import Profile
from detectors.reference import ERROR, EXPECTED_ERROR, Reference
from detectors.report import Performance

_Z_95 = NormalDist().inv_cdf(0.975)

Told = Callable[[Profile, Reference], Performance | None]


@dataclass(frozen=True, slots=True)
class Usual:
    """How a metric moves from window to window of the reference.

    null: of one component, the loss in standard deviations of a row's.
    unit: such a standard deviation; negative of a metric that is lower where it is worse.
    """

    null: Null
    unit: float

    def p_value(self, value: float, n: int) -> float:
        """The chance of a window of n rows as bad, were the model as good as on its reference."""
        worse, _ = scored_alone(self.null, _measured(np.array([value]), n, self.unit))
        return float(ndtr(-worse[0]))


@dataclass(frozen=True, slots=True)
class UsualPerformance:
    """Of what labels say and of what is expected without them; None where the reference's windows
    do not tell."""

    realised: Usual | None = None
    expected: Usual | None = None

    @staticmethod
    def learn(reference: Reference, *, window_s: float, minimum_rows: int) -> "UsualPerformance":
        """From the reference's windows that have so many rows, or labels."""
        windows = reference.windows.get(window_s, ())
        if reference.target is None or len(windows) < SETTLED_WINDOWS:
            return UsualPerformance()

        def learned(tell: Told, score: str) -> Usual | None:
            told = [one for w in windows if (one := tell(w, reference)) and one.n >= minimum_rows]
            whole = tell(reference.profile, reference)
            return None if whole is None else _learn(whole, told, _of_rows(reference, score))

        return UsualPerformance(learned(realised, ERROR), learned(expected, EXPECTED_ERROR))


def beside(usual: Usual | None, told: Performance | None) -> Performance | None:
    """A window's performance with its p-value, where there is one."""
    if usual is None or told is None or told.value is None or told.n == 0:
        return told
    return replace(told, p_value=usual.p_value(told.value, told.n))


def _learn(whole: Performance, windows: list[Performance], rows: "_Rows | None") -> Usual | None:
    """None of fewer than `SETTLED_WINDOWS` windows, and where no row's error varies."""
    known = [(one.value, one.n) for one in windows if one.value is not None]
    rows = rows or _by_interval(whole)
    if whole.value is None or rows is None or len(known) < SETTLED_WINDOWS:
        return None
    unit = -rows.sd if METRICS[whole.metric].bad is Bad.LOWER else rows.sd
    values, n = (np.array(column, dtype=np.float64) for column in zip(*known, strict=True))
    null = learn_alike(
        _measured(np.array([whole.value]), whole.n, unit),
        _measured(values[:, np.newaxis], n[:, np.newaxis], unit),
        skewness=np.array([rows.skewness]),
    )
    return Usual(null, unit)


def _measured(values: Floats, n: Floats | int, unit: float) -> Measurement:
    return Measurement(
        values / unit, np.broadcast_to(np.asarray(n, dtype=np.float64), values.shape)
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """How rows of the reference vary: sd in the metric's unit, and skewness of their loss."""

    sd: float
    skewness: float


def _of_rows(reference: Reference, score: str) -> _Rows | None:
    """By the bins of the score of which the metric is a mean; None where no row varies."""
    if not reference.has(score):
        return None
    index = reference.index(score)
    column = reference.columns[index]
    assert isinstance(column, NumericColumn)  # scores are numbers
    counts = column.ordered(reference.part(reference.profile.counts, index)).astype(np.float64)
    if column.scale == 0 or counts.sum() == 0:
        return None
    # Standardised first: the squares of huge values would overflow.
    shares, z = counts / counts.sum(), (column.positions - column.centre) / column.scale
    deviations = z - (shares * z).sum()
    sd = float(np.sqrt((shares * deviations**2).sum()))
    skewness = float((shares * deviations**3).sum()) / sd**3
    return _Rows(sd * column.scale, skewness)


def _by_interval(whole: Performance) -> _Rows | None:
    """As its interval has it, where no score tells."""
    if whole.interval is None:
        return None
    low, high = whole.interval
    sd = (high - low) / 2 / _Z_95 * float(np.sqrt(whole.n))
    return _Rows(sd, 0.0) if sd > 0 else None
