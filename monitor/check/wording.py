"""The words and figures of a check, the same in the terminal and on the page."""

from collections.abc import Callable

from detectors.report.sample import RowTest
from detectors.two_sample import (
    DISTANCE_FLOOR,
    MIN_VALUES,
    MISSING_FLOOR,
    SD_FLOOR,
    Reason,
    Verdict,
)
from monitor.check.comparison import Check, ColumnCheck
from monitor.check.model_error import ModelError
from monitor.pictures import number, percent
from monitor.spec.samples import TITLES

NOTHING = "–"

EFFECTS = {"sd": "wasserstein_sd", "share": "total_variation"}
"""The statistic that is the effect, by its unit."""

TWO_WINDOWS = (
    "Two files are two windows: how much one day differs from the next is unknown to this command, "
    "so an ordinary difference between days can show as drift. A running monitor learns it from "
    "the days of its reference."
)

HOW_TO_READ = (
    "Effect: how far the values moved in standard deviations of the reference (sd), the share of "
    "rows that changed their category (%), or the change of the missing share in points (pp); in "
    "parentheses 95 % intervals, where rows are taken for samples. "
    "KS: Kolmogorov–Smirnov distance, 0 to 1. "
    f"Drift is a change that chance does not explain and that is at least {SD_FLOOR} sd, "
    f"KS {DISTANCE_FLOOR}, {percent(DISTANCE_FLOOR)} of categories or "
    f"{100 * MISSING_FLOOR:.0f} pp of missing values; a certain but smaller one is small."
)


def headline(check: Check) -> str:
    """What the check comes to, in one sentence."""
    if check.verdict is Verdict.UNDECIDED:
        return f"Undecided: {why_undecided(check)}."
    n_columns, n_drifted = len(check.columns), len(check.drifted)
    found = f"Drift in {n_drifted}" if n_drifted else "No drift in any"
    chance = f"sampling alone would name any of them with a chance of at most {check.alpha:.3g}"
    return f"{found} of {n_columns} columns; {chance}."


def why_undecided(check: Check) -> str:
    if not check.columns:
        return "no column can be compared; give files with numbers, text or booleans"
    return f"no column has {MIN_VALUES} values in both files; give files with more rows"


def model_error(error: ModelError) -> str:
    rows = f"{count(error.n_reference)} and {count(error.n_current)} labelled rows"
    return f"The model's {error.metric}: {error_sides(error)} ({rows})."


def error_sides(error: ModelError) -> str:
    """From what to what."""
    sides = (error.reference, error.current)
    return " → ".join(NOTHING if side is None else number(side) for side in sides)


def statistic(column: ColumnCheck) -> str:
    if "kolmogorov_smirnov" in column.statistics:
        return f"KS {column.statistics['kolmogorov_smirnov']:.3f}"
    if "chi_squared" in column.statistics:
        return f"χ² {_short(column.statistics['chi_squared'])}"
    return NOTHING


def effect(column: ColumnCheck) -> str:
    """The size of the change that made the verdict, with its interval where there is one."""
    if column.reason is Reason.MISSING_MOVED and column.reference and column.current:
        grown = column.current.missing - column.reference.missing
        interval = column.intervals.get("missing_difference")
        return f"{100 * grown:+.1f}{_between(interval, _points)} pp"
    if column.effect is None or column.effect_unit is None:
        return NOTHING
    interval = column.intervals.get(EFFECTS[column.effect_unit])
    if column.effect_unit == "share":
        return f"{_hundredths(column.effect)}{_between(interval, _hundredths)} %"
    return f"{_sd(column.effect)}{_between(interval, _sd)} sd"


def _between(interval: tuple[float, float] | None, written: Callable[[float], str]) -> str:
    """In parentheses; a negative limit is not to be read as a range's dash."""
    if interval is None:
        return ""
    to = " to " if interval[0] < 0 else "–"
    return f" ({to.join(map(written, interval))})"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _hundredths(share: float) -> str:
    return percent(share).removesuffix(" %")


def _sd(effect: float) -> str:
    if effect < 0.005:
        return "<0.01" if effect else "0"
    return ">999" if effect > 999 else f"{effect:.{2 if effect < 10 else 0}f}"


def p_value(p: float | None) -> str:
    if p is None:
        return NOTHING
    if p < 1e-300:
        return "<1e-300"
    if p < 0.001:
        return f"{p:.1e}" if p > 1e-99 else f"{p:.0e}"
    return f"{p:.3f}"


def row_test(test: RowTest) -> str:
    """One sentence of a test of all columns together."""
    rows = f"{count(test.n_reference)} and {count(test.n_current)} rows"
    if test.statistic is None:
        return f"{TITLES[test.name]}: too few rows ({rows})."
    said = f"{TITLES[test.name]} of all columns together: {test.statistic:.3g}"
    if test.interval is not None:
        low, high = test.interval
        by = f" by {', '.join(test.columns)}" if test.columns else ""
        said = f"{TITLES[test.name]} that tells the files apart{by}: AUC {test.statistic:.2f} "
        said += f"({low:.2f} to {high:.2f})"
    return f"{said}, p {p_value(test.p_value)} ({rows})."


def count(n: int) -> str:
    return f"{n:,}"


def _short(value: float) -> str:
    return f"{value:.0f}" if 100 <= value < 1e5 else f"{value:.3g}"
