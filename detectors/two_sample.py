"""Two samples of one column compared exactly, on rows: how far it moved, and could it be chance.

A reference that is binned answers the same questions from counts; this module is for two sets of
rows that are both at hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import special, stats

from detectors.columns import Counts, Floats

MIN_VALUES = 20
"""Fewer values than this on a side and nothing is said."""

SD_FLOOR = 0.1
DISTANCE_FLOOR = 0.05
MISSING_FLOOR = 0.02
"""Below these a change may be certain and still not worth anybody's time."""

EXACT_LIMIT = 10_000
"""Rows per side up to which SciPy counts lattice paths instead of using a limit law."""


class Verdict(StrEnum):
    """What to make of a column; those before `SMALL` are drift."""

    TYPE_CHANGED = "type changed"
    VANISHED = "vanished"
    NEW = "new"
    DRIFT = "drift"
    SMALL = "small"
    QUIET = "quiet"
    UNDECIDED = "undecided"

    @property
    def is_drift(self) -> bool:
        return self not in (Verdict.SMALL, Verdict.QUIET, Verdict.UNDECIDED)


class Reason(StrEnum):
    """Why a column got its verdict."""

    TYPE_CHANGED = "type changed"
    ONLY_IN_REFERENCE = "only in reference"
    ONLY_IN_CURRENT = "only in current"
    VALUES_MOVED = "values moved"
    MISSING_MOVED = "missing share moved"
    BOTH_MOVED = "values and missing share moved"
    BELOW_EFFECT_FLOOR = "below effect floor"
    WITHIN_CHANCE = "within chance"
    TOO_FEW_VALUES = "too few values"


@dataclass(frozen=True, slots=True)
class Change:
    """How one aspect of a column changed. is_large: the change is above its effect floor."""

    p_value: float
    is_large: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed in one column, before anything is decided.

    statistics: by name; what is undefined is absent.
    effect: in `effect_unit`: for numbers the Wasserstein distance in reference standard
        deviations ("sd"), for categories the total variation distance ("share"); None if undefined.
    distance: 0..1, the least share of the present values that must differ.
    missing_difference: the missing share of the current side less that of the reference.
    values: None with too few values on a side. missing: None if nothing or everything is missing
        on both sides, or with too few rows.
    """

    statistics: Mapping[str, float]
    effect: float | None
    effect_unit: str
    distance: float
    missing_difference: float
    values: Change | None
    missing: Change | None

    @property
    def strength(self) -> float:
        """0..1, by which columns are ranked: the larger of the two changes."""
        return max(self.distance, abs(self.missing_difference))


@dataclass(frozen=True, slots=True)
class Decision:
    """What to make of a column.

    p_value: of the column alone (Bonferroni over its tests); adjusted_p_value: Holm's, over
    every test of every column. None when undecided.
    """

    verdict: Verdict
    reason: Reason
    p_value: float | None
    adjusted_p_value: float | None


def sorted_present(values: Floats) -> Floats:
    """The values that are there, in order: NaN is missing and left out, ±Inf are values."""
    ordered = np.sort(values)
    return ordered[: np.searchsorted(ordered, np.nan)]


def compare_numbers(
    reference: Floats, current: Floats, /, *, n_rows: tuple[int, int]
) -> Comparison:
    """Kolmogorov–Smirnov and Wasserstein between two sorted samples without NaN.

    n_rows: of both sides, with the missing ones.
    """
    n_present = (len(reference), len(current))
    statistics: dict[str, float] = {}
    effect = values = None
    if min(n_present) >= MIN_VALUES:
        statistic, effect = distances(reference, current)
        statistics["kolmogorov_smirnov"] = statistic
        p_value = kolmogorov_smirnov_p_value(statistic, reference, current)
        is_large = statistic >= DISTANCE_FLOOR or (effect is not None and effect >= SD_FLOOR)
        values = Change(p_value, is_large)
    if effect is not None:
        statistics["wasserstein_sd"] = effect
    return Comparison(
        statistics=statistics,
        effect=effect,
        effect_unit="sd",
        distance=statistics.get("kolmogorov_smirnov", 0.0),
        missing_difference=_missing_difference(n_present, n_rows),
        values=values,
        missing=missing_change(n_present, n_rows),
    )


def compare_categories(counts: Counts, /, *, n_rows: tuple[int, int]) -> Comparison:
    """χ² and total variation between two rows of counts of the same levels, (2, levels)."""
    n_present = (int(counts[0].sum()), int(counts[1].sum()))
    statistics: dict[str, float] = {}
    distance, values = 0.0, None
    if min(n_present) >= MIN_VALUES:
        statistic, p_value = chi_squared(counts)
        distance = total_variation(counts)
        statistics = {"chi_squared": statistic, "total_variation": distance}
        values = Change(p_value, distance >= DISTANCE_FLOOR)
    return Comparison(
        statistics=statistics,
        effect=distance if values else None,
        effect_unit="share",
        distance=distance,
        missing_difference=_missing_difference(n_present, n_rows),
        values=values,
        missing=missing_change(n_present, n_rows),
    )


def distances(reference: Floats, current: Floats, /) -> tuple[float, float | None]:
    """Kolmogorov–Smirnov and Wasserstein-1 distance of two sorted samples without NaN.

    The first is that of `scipy.stats.ks_2samp`; ±Inf are values like others.
    The second is between the finite values, in reference standard deviations: 0 for two equal
    constants; None where the reference does not vary and the current differs, or where a side has
    no finite value: there is no unit to measure in.
    """
    merged, gap = _gaps(reference, current)
    # Between equal values the functions have no gap of their own.
    largest = float(gap.max(initial=0.0, where=merged[1:] > merged[:-1]))
    n_values = len(merged)
    reference, current = finite(reference), finite(current)
    if not len(reference) or not len(current):
        return largest, None
    if len(reference) + len(current) < n_values:
        merged, gap = _gaps(reference, current)
    # Scaled, so that differences and squares of the largest doubles do not overflow.
    unit = max(abs(merged[0]), abs(merged[-1])) or 1.0
    area = float(gap @ np.diff(merged / unit))
    sd = standard_deviation(reference, unit)
    if not sd:
        return largest, None if area else 0.0
    return largest, area / sd


def standard_deviation(ordered: Floats, unit: float) -> float:
    """Of a sorted finite sample, in a unit that keeps its squares finite; 0 of a constant."""
    return float(np.std(ordered / unit)) if ordered[0] < ordered[-1] else 0.0


def kolmogorov_smirnov_p_value(statistic: float, reference: Floats, current: Floats, /) -> float:
    """The two-sided p-value that `ks_2samp(method="auto")` gives, without its cost in the tail.

    From an effective size of 20,000 the tail is Lauwerier's expansion (1963), carried to the
    logarithm: within 1e-5 of SciPy's p-value down to 1e-26, where SciPy sums n terms.
    """
    n, m = len(reference), len(current)
    if max(n, m) <= EXACT_LIMIT:
        return float(stats.ks_2samp(reference, current).pvalue)
    size = round(n * m / (n + m))
    square = statistic**2
    if size < 20_000 or size * square < 2.2:
        return float(stats.kstwo.sf(statistic, size))
    exponent = (
        size * (2 * square + 4 / 9 * square**2 + 32 / 135 * square**3)
        + 2 / 3 * statistic
        - 4 / 9 * square
    )
    return float(2 * np.exp(-exponent))


def chi_squared(counts: Counts, /) -> tuple[float, float]:
    """Pearson's statistic and p-value of a (2, levels) table, both sides taken as samples.

    Equal to `scipy.stats.chi2_contingency(correction=False)`, except where rare levels give the
    statistic a null variance well above that of its χ² law, which then alarms on nothing: there
    a gamma law of the exact mean and variance (Haldane 1940) stands in for it.
    """
    table = counts[:, counts.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 0.0, 1.0
    result = stats.chi2_contingency(table, correction=False)
    statistic, p_value = float(result.statistic), float(result.pvalue)
    mean, variance = null_moments(table)
    if variance <= 1.1 * 2 * (table.shape[1] - 1):
        return statistic, p_value
    return statistic, float(special.gammaincc(mean**2 / variance, statistic * mean / variance))


def total_variation(counts: Counts, /) -> float:
    """Half the sum of the differences of shares of a (2, levels) table."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    return float(np.abs(shares[1] - shares[0]).sum() / 2)


def missing_change(n_present: tuple[int, int], n_rows: tuple[int, int]) -> Change | None:
    """Whether the missing share changed: χ² of present and missing; None if none is or all are."""
    if min(n_rows) < MIN_VALUES or n_present in (n_rows, (0, 0)):
        return None
    table = np.array([n_present, np.subtract(n_rows, n_present)], dtype=np.int64).T
    return Change(
        chi_squared(table)[1], abs(_missing_difference(n_present, n_rows)) >= MISSING_FLOOR
    )


def decide(comparisons: Sequence[Comparison], *, alpha: float) -> tuple[Decision, ...]:
    """A decision for each column; the chance that any of them is false is at most alpha.

    A change is drift when its p-value, adjusted over every test of every column (Holm 1979), is
    at most alpha and the change itself is above its effect floor.
    """
    p_values = np.array([[_p(each.values), _p(each.missing)] for each in comparisons])
    adjusted = holm(p_values.ravel()).reshape(p_values.shape)
    return tuple(
        _decide(comparison, own, over_all, alpha)
        for comparison, own, over_all in zip(comparisons, p_values, adjusted, strict=True)
    )


def holm(p_values: Floats, /) -> Floats:
    """Holm's step-down adjustment of (tests,) p-values; NaN is no test and stays NaN."""
    adjusted = np.full_like(p_values, np.nan)
    order = np.argsort(p_values)[: np.count_nonzero(~np.isnan(p_values))]
    multipliers = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * multipliers), 1.0)
    return adjusted


def _decide(comparison: Comparison, own: Floats, adjusted: Floats, alpha: float) -> Decision:
    n_tests = int(np.count_nonzero(~np.isnan(own)))
    if not n_tests:
        return Decision(Verdict.UNDECIDED, Reason.TOO_FEW_VALUES, None, None)
    p_value = min(1.0, float(np.nanmin(own)) * n_tests)
    over_all = float(np.nanmin(adjusted))
    certain = adjusted <= alpha
    moved = certain & [_is_large(comparison.values), _is_large(comparison.missing)]
    if moved.any():
        return Decision(Verdict.DRIFT, _MOVED[bool(moved[0]), bool(moved[1])], p_value, over_all)
    if certain.any():
        return Decision(Verdict.SMALL, Reason.BELOW_EFFECT_FLOOR, p_value, over_all)
    if comparison.values is None:
        return Decision(Verdict.UNDECIDED, Reason.TOO_FEW_VALUES, p_value, over_all)
    return Decision(Verdict.QUIET, Reason.WITHIN_CHANCE, p_value, over_all)


_MOVED = {
    (True, True): Reason.BOTH_MOVED,
    (True, False): Reason.VALUES_MOVED,
    (False, True): Reason.MISSING_MOVED,
}


def _p(test: Change | None) -> float:
    return test.p_value if test else np.nan


def _is_large(test: Change | None) -> bool:
    return test is not None and test.is_large


def _missing_difference(n_present: tuple[int, int], n_rows: tuple[int, int]) -> float:
    """How much the missing share grew; 0 where a side has no rows."""
    missing = [
        1 - present / rows if rows else 0.0 for present, rows in zip(n_present, n_rows, strict=True)
    ]
    return missing[1] - missing[0]


def finite(ordered: Floats) -> Floats:
    """A sorted sample without its infinities, which lie at its ends."""
    first = np.searchsorted(ordered, -np.inf, side="right")
    return ordered[first : np.searchsorted(ordered, np.inf, side="left")]


def _gaps(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """Two sorted samples merged, (n + m,), and |F − G| between its neighbours, (n + m − 1,)."""
    n, m = len(reference), len(current)
    # Two sorted runs: a stable sort merges them in one pass.
    merged = np.sort(np.concatenate([reference, current]), kind="stable")
    from_reference = np.zeros(n + m, dtype=bool)
    from_reference[np.searchsorted(current, reference) + np.arange(n)] = True
    n_reference = np.cumsum(from_reference[:-1])
    n_current = np.arange(1, n + m) - n_reference
    return merged, np.abs(n_reference / n - n_current / m)


def null_moments(table: Counts) -> tuple[float, float]:
    """Mean and variance of Pearson's statistic given the table's margins (Haldane 1940)."""
    n = float(table.sum())
    (v_rows, w_rows), (v_levels, w_levels) = (
        _margin_terms(table.sum(axis=axis), n) for axis in (1, 0)
    )
    mean = n / (n - 1) * (table.shape[0] - 1) * (table.shape[1] - 1)
    variance = 2 * n / (n - 3) * (v_rows - w_rows) * (v_levels - w_levels)
    return mean, variance + n**2 / (n - 1) * w_rows * w_levels


def _margin_terms(margin: Counts, n: float) -> tuple[float, float]:
    k = len(margin)
    return (k - 1) * (n - k) / (n - 1), float(n * (1 / margin).sum() - k**2) / (n - 2)
