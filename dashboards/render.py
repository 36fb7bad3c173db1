"""The board as Grafana reads it."""

from itertools import count

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.drawing import SOURCE, TAG, drawn
from dashboards.panels import Board, Number, Panel, Row
from dashboards.queries import CHOSEN, selected
from monitor.telemetry.metrics import (
    MONITOR_ALERT_STATE,
    MONITOR_RETRAINS,
    MONITOR_ROWS,
    MONITOR_VERSION_ROWS,
)


def dashboard(board: Board) -> str:
    """The dashboard as JSON text, the same for the same board."""
    made = (
        build.Dashboard(board.title)
        .uid(f"{TAG}-{board.name}")
        .description(board.question)
        .tags([TAG])
        .time("now-24h", "now")
        .refresh("1m")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(_to_the_others())
        .with_variable(
            build.DatasourceVariable("datasource").label("Data Source").type("prometheus")
        )
        .with_variable(_variable("job", '{__name__=~"driftmeter_.+"}'))
        .with_variable(_variable("instance", '{__name__=~"driftmeter_.+", job=~"$job"}'))
        .with_variable(_variable("monitor", f"{MONITOR_ROWS.name}{{{CHOSEN}}}"))
    )
    for annotation in ANNOTATIONS:
        made = made.annotation(annotation)
    ids = count(1)
    for row in board.rows:
        made = made.with_row(build.Row(row.title).id(next(ids)))
        for panel in row.panels:
            pictured = drawn(panel).id(next(ids))
            made = made.with_panel(pictured.span(_width(row)).height(_height(panel)))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _to_the_others() -> build.DashboardLink:
    """They keep the time and what was chosen."""
    return (
        build.DashboardLink("Driftmeter")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )


def _annotation(name: str, color: str, expr: str, text: str) -> build.AnnotationQuery:
    return (
        build.AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .enable(True)
        .icon_color(color)
        .expr(expr)
        .title_format(name)
        .text_format(text)
    )


_FIRING = selected(MONITOR_ALERT_STATE, 'state="firing"')
_PROMOTED = selected(MONITOR_RETRAINS, 'state="promoted"')
_ANSWERING = selected(MONITOR_VERSION_ROWS)

ANNOTATIONS = (
    _annotation(
        "An alert fires",
        "red",
        f"max by (monitor) ({_FIRING}) == 1 unless max by (monitor) ({_FIRING} offset 5m) == 1",
        "{{monitor}}",
    ),
    _annotation(
        "A retrain is promoted",
        "blue",
        f"max by (monitor) (delta({_PROMOTED}[5m])) > 0",
        "{{monitor}}",
    ),
    _annotation(
        "A version of the model is new",
        "purple",
        f"max by (monitor, version) ({_ANSWERING}) "
        f"unless max by (monitor, version) ({_ANSWERING} offset 5m) "
        f"and on (monitor) max by (monitor) ({_ANSWERING} offset 5m)",
        "{{monitor}}: {{version}}",
    ),
)
"""What explains a change of the lines, drawn through all panels."""


def _width(row: Row) -> int:
    """Columns of a panel, of 24: three abreast, fewer where they then fill their lines; numbers
    stand in one line."""
    if all(isinstance(panel, Number) for panel in row.panels):
        return 24 // len(row.panels)
    return {1: 24, 2: 12, 4: 12}.get(len(row.panels), 8)


def _height(panel: Panel) -> int:
    return 4 if isinstance(panel, Number) else 8


def _variable(label: str, series: str) -> build.QueryVariable:
    return (
        build.QueryVariable(label)
        .label(label.capitalize())
        .datasource(SOURCE)
        .query(f"label_values({series}, {label})")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(model.VariableOption(text="All", value="$__all", selected=True))
    )
