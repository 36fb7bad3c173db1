"""The board as Grafana reads it."""

from itertools import count

from grafana_foundation_sdk.builders import common, prometheus, statetimeline, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model

from dashboards.board import ROWS, Graph, Row, States
from dashboards.queries import CHOSEN, Query
from monitor.telemetry.metrics import MONITOR_ROWS

UID = "driftmeter"
SOURCE = options.DataSourceRef(type_val="prometheus", uid="${datasource}")


def dashboard(rows: tuple[Row, ...] = ROWS) -> str:
    """The dashboard as JSON text, the same for the same rows."""
    board = (
        build.Dashboard("Driftmeter")
        .uid(UID)
        .description("Drift, expected and realised performance of models, and the pipeline.")
        .tags(["driftmeter"])
        .time("now-24h", "now")
        .refresh("1m")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(
            build.DatasourceVariable("datasource").label("Data Source").type("prometheus")
        )
        .with_variable(_variable("job", '{__name__=~"driftmeter_.+"}'))
        .with_variable(_variable("instance", '{__name__=~"driftmeter_.+", job=~"$job"}'))
        .with_variable(_variable("monitor", f"{MONITOR_ROWS.name}{{{CHOSEN}}}"))
    )
    ids = count(1)
    for row in rows:
        board = board.with_row(build.Row(row.title).id(next(ids)))
        for panel in row.panels:
            drawn = _graph(panel) if isinstance(panel, Graph) else _states(panel)
            board = board.with_panel(drawn.id(next(ids)).span(_width(row)).height(8))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


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
