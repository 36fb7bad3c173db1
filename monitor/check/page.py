"""A check as one HTML page that needs nothing else: no script, no network."""

import jinja2

from detectors.columns import Role
from detectors.two_sample import Verdict
from monitor import pictures
from monitor.check import wording
from monitor.check.comparison import Check, ColumnCheck
from monitor.check.describe import missing_moved

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("monitor"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_TEMPLATES.filters["count"] = wording.count


def as_html(check: Check, names: tuple[str, str]) -> str:
    """names: of the two files."""
    return _TEMPLATES.get_template("check.html").render(
        check=check,
        names=names,
        columns=[_shown(column) for column in check.columns],
        wording=wording,
        style=pictures.STYLE,
    )


def _shown(column: ColumnCheck) -> dict[str, object]:
    title = f"{column.name}: {column.moved}; {column.verdict}"
    drawn = column.distribution
    return {
        "name": pictures.shortened(column.name, 120) or "(no name)",
        "verdict": column.verdict,
        "moved": column.moved,
        "figures": _figures(column),
        "picture": pictures.distributions(drawn, title=title) if drawn else None,
    }


def _figures(column: ColumnCheck) -> list[str]:
    if column.reference is None or column.current is None:
        return [] if column.verdict is Verdict.TYPE_CHANGED else [column.type]
    role = f", {column.role}" if column.role is not Role.FEATURE else ""
    figures = [
        f"{column.type}{role}",
        f"effect {wording.effect(column)}",
        wording.statistic(column),
        f"p {wording.p_value(column.p_value)}",
    ]
    has_missing = column.reference.missing or column.current.missing
    return [*figures, missing_moved(column.reference, column.current)] if has_missing else figures
