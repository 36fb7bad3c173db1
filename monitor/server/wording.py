"""Numbers, times and changes as people read them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.spec.durations import format_duration

Document = Mapping[str, Any]

_UNITS = ((2 * 86_400.0, "days"), (3600.0, "h"), (60.0, "min"))

TITLES = {
    "dm.outlier": "typicality of rows",
    "dm.expected_error": "expected error",
    "dm.error": "realised error",
}
"""Our own columns, in words."""

METRICS = {
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r_squared": "R²",
    "f1": "F1",
    "macro_f1": "F1, mean of classes",
    "macro_precision": "precision, mean of classes",
    "macro_recall": "recall, mean of classes",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "logarithmic loss",
    "brier": "Brier score",
    "expected_calibration_error": "calibration error",
}

_WHY = {
    "strong window": "a strong difference, enough by itself",
    "accumulated evidence": "small differences that have added up",
}

STATISTICS = {
    "anderson_darling": "Anderson–Darling",
    "chebyshev": "Chebyshev distance",
    "chi_squared": "χ²",
    "cramer_von_mises": "Cramér–von Mises",
    "frechet_distance": "Fréchet distance",
    "g_test": "G-test",
    "hellinger": "Hellinger distance",
    "hotelling": "Hotelling's T²",
    "jensen_shannon_distance": "Jensen–Shannon distance",
    "kolmogorov_smirnov": "Kolmogorov–Smirnov",
    "kuiper": "Kuiper",
    "kullback_leibler": "Kullback–Leibler divergence",
    "mmd_fourier": "maximum mean discrepancy, squared",
    "two_proportion": "missing share, z",
    "wasserstein": "Wasserstein distance",
    "wasserstein_sd": "Wasserstein distance, sd",
    "welch_mean_shift": "shift of the mean, Welch's t",
}


def statistic(name: str) -> str:
    return STATISTICS.get(name, name.replace("_", " "))


def title_of(column: str) -> str:
    return TITLES.get(column, column)


def metric(name: str) -> str:
    return METRICS.get(name, name)


def when(moment: str | None) -> str:
    """A day where the time is midnight, else a day and a time."""
    if moment is None:
        return "–"
    at = datetime.fromisoformat(moment)
    return (
        f"{at:%Y-%m-%d}" if (at.hour, at.minute, at.second) == (0, 0, 0) else f"{at:%Y-%m-%d %H:%M}"
    )


def span(window: Document) -> str:
    """A window: the day where it is one, else from when to when; a date that both share, once."""
    start, end = when(window["start"]), when(window["end"])
    if window["seconds"] == 86_400 and " " not in start:
        return start
    first, last = (datetime.fromisoformat(window[side]) for side in ("start", "end"))
    if first.date() != last.date():
        return f"{start} – {end}"
    clock = "%H:%M" if window["seconds"] >= 60 else "%H:%M:%S"
    return f"{first:%Y-%m-%d} {first:{clock}} – {last:{clock}}"


def length_of(seconds: float) -> str:
    """How long a window is, "1d" or "15m"."""
    return format_duration(seconds)


def age(moment: str | None, now: str) -> str:
    """How long ago, in one unit: "3 h ago"; of what is yet to come, "in 3 h"."""
    if moment is None:
        return "–"
    ago = (datetime.fromisoformat(now) - datetime.fromisoformat(moment)).total_seconds()
    size, unit = next((one for one in _UNITS if abs(ago) >= one[0]), (1.0, "s"))
    told = f"{abs(ago) / size:.0f} {unit}"
    return f"{told} ago" if ago >= 0 else f"in {told}"


def digest(artifact: str | None) -> str:
    """An artifact's id, short enough to be told from others."""
    return "none yet" if artifact is None else f"{artifact.removeprefix('sha256:')[:12]}…"


def count(n: int) -> str:
    return f"{n:,}".replace(",", " ")


def figure(value: float | None) -> str:
    """About three significant digits."""
    if value is None:
        return "–"
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 1000 else f"{value:.3g}"


def percent(share: float | None) -> str:
    if share is None:
        return "–"
    return f"{100 * share:.0f} %" if share in (0, 1) else f"{100 * share:.1f} %"


def latency(seconds: float) -> str:
    return f"{figure(1000 * seconds)} ms" if seconds < 1 else f"{figure(seconds)} s"


def p_value(p: float) -> str:
    return "< 1e-6" if p < 1e-6 else f"{p:.2g}"


def moved(column: Document) -> str:
    """What a column did, "median 12.1 → 48" or "bus 40.0 % → 71.2 %"."""
    before, after = column["reference"], column["current"]
    if after["n"] == 0:
        return "no values in this window"
    if before["quantiles"] and after["quantiles"]:
        return f"median {figure(before['quantiles']['0.5'])} → {figure(after['quantiles']['0.5'])}"
    return _moved_category(before["shares"] or {}, after["shares"] or {})


def movement(column: Document) -> str:
    """What an alert says of a column, "mean 12.1 → 48" or "missing 1.0 % → 71.2 %"."""
    what = column["what"]
    is_share = what == "missing" or what.startswith("share of")
    before, after = (
        percent(column[side]) if is_share else figure(column[side])
        for side in ("reference", "current")
    )
    return f"{what} {before} → {after}"


def _moved_category(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    changes = {level: after.get(level, 0.0) - before.get(level, 0.0) for level in {*before, *after}}
    if not changes:
        return "no values in the reference"
    level = max(sorted(changes), key=lambda name: abs(changes[name]))
    return f"{level} {percent(before.get(level, 0.0))} → {percent(after.get(level, 0.0))}"


def headline(report: Document) -> str:
    """One sentence: what the window says."""
    named = [title_of(column["name"]) for column in report["columns"] if column["named"]]
    if report["verdict"] == "drift":
        drifts = f"This window drifts ({why(report['reason'])}). {_moved_columns(named)}"
        return f"{drifts} {_explanation(report)}".rstrip()
    if report["verdict"] == "undecided":
        return f"This window is undecided: {report['reason']}."
    return f"This window is quiet: {report['reason']}."


def why(reason: str) -> str:
    """Why a window got its verdict, for whoever does not know the names of the rules."""
    return _WHY.get(reason, reason)


def _explanation(report: Document) -> str:
    """Nothing of a report that was written before windows were explained."""
    explanation = report.get("explanation")
    if not explanation or not explanation["shift"]:
        return ""
    return f"It looks like {with_article(explanation['shift'])}: {explanation['because']}."


def with_article(shift: str) -> str:
    """What a window looks like, in a sentence."""
    return "a break of data quality" if shift == "data quality" else f"a {shift}"


def comparison(beside: Document) -> str:
    """One sentence: what the window says beside other windows than the reference's."""
    n = beside["n_windows"]
    against = f"Beside {beside['name']} ({n} window{'s' if n != 1 else ''})"
    if beside["verdict"] != "drift":
        return f"{against} it is {beside['verdict']}: {beside['reason']}."
    return f"{against} it drifts. {_moved_columns(beside['columns'])}"


def version(one: Document, first: str) -> str:
    """What a version of the model did in a window, beside the reference and beside the version with
    the most rows, which is `first`."""
    name = f"Version {one['version']}" if one["version"] else "A version without a name"
    said = f"{name} answered {one['n_rows']:,} rows"
    if one["verdict"] is None:
        return f"{said}."
    drifts = "drift" if one["verdict"] == "drift" else f"are {one['verdict']}"
    said = f"{said}, which by themselves {drifts} beside the reference."
    if one["version"] == first:
        return said
    differing = [column["name"] for column in one["differences"] if column["named"]]
    beside = f"Beside version {first or 'without a name'}"
    if not differing:
        return f"{said} {beside} no column differs."
    return f"{said} {beside} it differs. {_moved_columns(differing)}"


def _moved_columns(named: Sequence[str]) -> str:
    if not named:
        return "No single column stands out."
    shown = ", ".join(named[:5])
    return f"What moved: {shown}{f' and {len(named) - 5} more' if len(named) > 5 else ''}."
