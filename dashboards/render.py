"""The board as Grafana reads it."""

from itertools import count

from grafana_foundation_sdk.builders import common, prometheus, statetimeline, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model

from dashboards.panels import Board, Graph, Row, States
from dashboards.queries import CHOSEN, Query, selected
from monitor.telemetry.metrics import MONITOR_ALERT_STATE, MONITOR_RETRAINS, MONITOR_ROWS

TAG = "driftmeter"
SOURCE = options.DataSourceRef(type_val="prometheus", uid="${datasource}")


def dashboard(board: Board) -> str:
    """The dashboard as JSON text, the same for the same board."""
    drawn = (
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
        drawn = drawn.annotation(annotation)
    ids = count(1)
    for row in board.rows:
        drawn = drawn.with_row(build.Row(row.title).id(next(ids)))
        for panel in row.panels:
            pictured = _graph(panel) if isinstance(panel, Graph) else _states(panel)
            drawn = drawn.with_panel(pictured.id(next(ids)).span(_width(row)).height(8))
    return JSONEncoder(sort_keys=True, indent=2).encode(drawn.build()) + "\n"


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
)
"""What explains a change of the lines, drawn through all panels."""


def _width(row: Row) -> int:
    """Columns of a panel, of 24: three abreast, fewer where they then fill their lines."""
    return {1: 24, 2: 12, 4: 12}.get(len(row.panels), 8)


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


def _graph(panel: Graph) -> timeseries.Panel:
    drawn = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .unit(panel.unit)
        .fill_opacity(8)
        .line_width(2)
        .show_points(options.VisibilityMode.AUTO)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI))
    )
    if panel.scale == "log":
        scale = common.ScaleDistributionConfig().type(options.ScaleDistribution.LOG).log(10)
        drawn = drawn.scale_distribution(scale)
    else:
        drawn = drawn.min(0)
    for letter, query in zip("ABCD", panel.queries, strict=False):
        drawn = drawn.with_target(_target(query, letter))
    return drawn if panel.dashed is None else drawn.override_by_regexp(panel.dashed, _DASHED)


_DASHED = [
    model.DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 8]}),
    model.DynamicConfigValue(id_val="custom.fillOpacity", value=0),
]


def _states(panel: States) -> statetimeline.Panel:
    names = {
        str(value): model.ValueMappingResult(text=name, color=color, index=position)
        for position, (value, name, color) in enumerate(panel.names)
    }
    return (
        statetimeline.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .unit("short")
        .mappings([model.ValueMap(options=names)])
        .merge_values(True)
        .show_value(options.VisibilityMode.AUTO)
        .legend(_legend())
        .with_target(_target(panel.query, "A"))
    )


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(options.LegendDisplayMode.LIST)
        .placement(options.LegendPlacement.BOTTOM)
    )


def _target(query: Query, ref_id: str) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .ref_id(ref_id)
        .datasource(SOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
        .range()
    )
