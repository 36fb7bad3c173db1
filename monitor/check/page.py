"""A check as one HTML page that needs nothing else: no script, no network.

It is made of the components of the service's pages.
"""

from detectors.columns import Role
from detectors.two_sample import Verdict
from monitor import components, pictures
from monitor.check import wording
from monitor.check.comparison import Check, ColumnCheck
from monitor.check.describe import missing_moved


def as_html(check: Check, names: tuple[str, str]) -> str:
    """names: of the two files."""
    template = components.environment().get_template("check.html")
    return template.render(
        check=check,
        names=names,
        columns=[_card(column) for column in check.columns],
        wording=wording,
        stylesheet=components.stylesheet(),
    )


def _card(column: ColumnCheck) -> dict[str, object]:
    """A column as `parts.html` draws one."""
    title = f"{column.name}: {column.moved}; {column.verdict}"
    drawn = column.distribution
    return {
        "title": pictures.shortened(column.name, 120) or "(no name)",
        "chip": (_state(column.verdict), column.verdict),
        "moved": column.moved,
        "figures": _figures(column),
        "picture": components.safe(pictures.distributions(drawn, title=title)) if drawn else None,
    }


def _state(verdict: Verdict) -> str:
    """The state of a monitor that looks so."""
    if verdict.is_drift:
        return "drift"
    return "small-change" if verdict is Verdict.SMALL else str(verdict)


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
