"""Panels as Grafana reads them."""

from collections.abc import Sequence
from typing import Literal

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.panels import Bars, Column, Graph, Limits, Number, Panel, States, Table
from dashboards.queries import Query

TAG = "driftmeter"
SOURCE = options.DataSourceRef(type_val="prometheus", uid="${datasource}")

Drawn = timeseries.Panel | statetimeline.Panel | stat.Panel | table.Panel | bargauge.Panel

_LETTERS = "ABCDEFGH"


def drawn(panel: Panel) -> Drawn:
    match panel:
        case Graph():
            return _graph(panel)
        case States():
            return _states(panel)
        case Number():
            return _number(panel)
        case Table():
            return _table(panel)
        case Bars():
            return _bars(panel)


def _graph(panel: Graph) -> timeseries.Panel:
    graph = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .unit(panel.unit)
        .no_value(panel.empty)
        .fill_opacity(8)
        .line_width(2)
        .show_points(options.VisibilityMode.AUTO)
        .legend(_ranked(panel.first) if panel.first else _legend())
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI))
    )
    if panel.scale == "log":
        scale = common.ScaleDistributionConfig().type(options.ScaleDistribution.LOG).log(10)
        graph = graph.scale_distribution(scale)
    else:
        graph = graph.min(0)
    if panel.limit is not None:
        style = common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode.DASHED)
        graph = graph.thresholds(_line(panel.limit)).thresholds_style(style)
    for letter, query in zip(_LETTERS, panel.queries, strict=False):
        target = _target(query, letter).range().exemplar("histogram_quantile" in query.expr)
        graph = graph.with_target(target)
    return graph if panel.dashed is None else graph.override_by_regexp(panel.dashed, _DASHED)


def _line(limit: float) -> build.ThresholdsConfig:
    steps = [model.Threshold(color="transparent"), model.Threshold(value=limit, color="red")]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


_DASHED = [
    model.DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 8]}),
    model.DynamicConfigValue(id_val="custom.fillOpacity", value=0),
]


def _states(panel: States) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .unit("short")
        .mappings(_names(panel.names))
        .merge_values(True)
        .show_value(options.VisibilityMode.AUTO)
        .legend(_legend())
        .with_target(_target(panel.query, "A").range())
    )


def _names(names: Sequence[tuple[int, str, str]]) -> list[model.ValueMapping]:
    named = {
        str(value): model.ValueMappingResult(text=name, color=color, index=position)
        for position, (value, name, color) in enumerate(names)
    }
    return [model.ValueMap(options=named)]


def _number(panel: Number) -> stat.Panel:
    return (
        stat.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .unit(panel.unit)
        .no_value("none yet")
        .thresholds(_thresholds(panel.limits))
        .color_mode(options.BigValueColorMode.BACKGROUND)
        .graph_mode(options.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_target(panel.query, "A").instant())
    )


def _thresholds(limits: Limits) -> build.ThresholdsConfig:
    warning, critical = limits.warning, limits.critical
    steps: list[tuple[float | None, str]] = (
        [(None, "green"), (warning, "orange"), (critical, "red")]
        if limits.rising
        else [(None, "red"), (critical, "orange"), (warning, "green")]
    )
    return (
        build.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value=value, color=color) for value, color in steps])
    )


def _table(panel: Table) -> table.Panel:
    made = (
        table.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .unit("short")
        .with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(_organized(panel))
        .sort_by([common.TableSortByFieldState().display_name(panel.sort).desc(True)])
        .override_by_name(panel.label.capitalize(), [_leading_to(panel)])
    )
    for letter, column, query in zip(_LETTERS, panel.columns, panel.queries, strict=False):
        target = _target(query, letter).instant().format(PromQueryFormat.TABLE)
        made = made.with_target(target).override_by_name(column.title, _look(column))
    return made


def _organized(panel: Table) -> model.DataTransformerConfig:
    """Columns in their order and under their names; the time, which all share, is left out."""
    shown = {panel.label: panel.label.capitalize()}
    hidden = {"Time": True}
    for letter, column in zip(_LETTERS, panel.columns, strict=False):
        shown[column.label or f"Value #{letter}"] = column.title
        if column.label:
            hidden[f"Value #{letter}"] = True
    return model.DataTransformerConfig(
        id_val="organize",
        options={
            "excludeByName": hidden,
            "indexByName": {name: position for position, name in enumerate(shown)},
            "renameByName": shown,
        },
    )


def _look(column: Column) -> list[model.DynamicConfigValue]:
    look: list[model.DynamicConfigValue] = [
        model.DynamicConfigValue(id_val="unit", value=column.unit)
    ]
    if column.unit == "percentunit":
        look.append(model.DynamicConfigValue(id_val="decimals", value=0))
    if column.names:
        look.append(model.DynamicConfigValue(id_val="mappings", value=_names(column.names)))
    if column.limits:
        thresholds = _thresholds(column.limits).build()
        look.append(model.DynamicConfigValue(id_val="thresholds", value=thresholds))
    if column.names or column.limits:
        look.append(
            model.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"})
        )
    return look


def _leading_to(panel: Table) -> model.DynamicConfigValue:
    label = panel.label
    link = {
        "title": f"This {label}",
        "url": f"/d/{TAG}-{panel.linked}?${{__url_time_range}}&var-{label}=${{__value.text}}",
    }
    return model.DynamicConfigValue(id_val="links", value=[link])


def _bars(panel: Bars) -> bargauge.Panel:
    bars = (
        bargauge.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .unit(panel.unit)
        .no_value(panel.empty)
        .min(0)
        .display_mode(options.BarGaugeDisplayMode.GRADIENT)
        .orientation(options.VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.CONTINUOUS_BL_YL_RD))
        .with_target(_target(panel.query, "A").instant())
    )
    return bars if panel.most is None else bars.max(panel.most)


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(options.LegendDisplayMode.LIST)
        .placement(options.LegendPlacement.BOTTOM)
    )


def _ranked(first: Literal["largest", "smallest"]) -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(options.LegendDisplayMode.TABLE)
        .placement(options.LegendPlacement.RIGHT)
        .calcs(["lastNotNull"])
        .sort_by("Last *")
        .sort_desc(first == "largest")
    )


def _target(query: Query, ref_id: str) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .ref_id(ref_id)
        .datasource(SOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
    )
