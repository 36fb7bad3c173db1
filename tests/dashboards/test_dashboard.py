"""The rules of Grafana's dashboard-linter, applied to every panel and query.

https://github.com/grafana/dashboard-linter/tree/main/docs
"""

import json
import re
from typing import Any

import pytest

from alerts.words import Ruling
from dashboards.boards import BOARDS
from dashboards.render import dashboard
from dashboards.rules_files import rules
from monitor.telemetry.metrics import TABLE

Json = dict[str, Any]

DRAWN: dict[str, Json] = {board.name: json.loads(dashboard(board)) for board in BOARDS}
PANELS: list[Json] = [
    panel for board in DRAWN.values() for panel in board["panels"] if panel["type"] != "row"
]
TARGETS: list[Json] = [target for panel in PANELS for target in panel["targets"]]
METRICS = {metric.name: metric for metric in TABLE}
UNITS = {"short", "s", "bytes", "percentunit", "reqps", "ops"}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

each_board = pytest.mark.parametrize("board", DRAWN.values(), ids=DRAWN.keys())
each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
each_query = pytest.mark.parametrize("expr", [target["expr"] for target in TARGETS])
OF_NOW = {"stat", "table", "bargauge"}
"""Panels that show a moment; the others show a time, with a legend."""


def metrics_of(expr: str) -> set[str]:
    """The names of the metrics in a query; of a histogram, without the suffix of its buckets."""
    return {name.removesuffix("_bucket") for name in re.findall(r"driftmeter_\w+", expr)}


def variables(board: Json) -> dict[str, Json]:
    return {v["name"]: v for v in board["templating"]["list"]}


@each_board
def test_a_dashboard_keeps_its_address_and_is_not_edited_by_hand(board: Json) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", board["uid"])
    assert board["editable"] is False


def test_dashboards_are_told_apart_and_say_which_question_they_answer() -> None:
    assert len({board["uid"] for board in DRAWN.values()}) == len(BOARDS)
    assert len({board["title"] for board in DRAWN.values()}) == len(BOARDS)
    assert all(board["description"].endswith("?") for board in DRAWN.values())


@each_board
def test_each_leads_to_the_others_with_what_was_chosen(board: Json) -> None:
    (link,) = board["links"]
    assert set(link["tags"]) <= set(board["tags"])
    assert (link["includeVars"], link["keepTime"], link["asDropdown"]) == (True, True, True)


@each_board
def test_alerts_retrains_and_deployments_are_drawn_through_all_panels(board: Json) -> None:
    drawn = {one["name"]: one for one in board["annotations"]["list"]}
    assert drawn.keys() == {
        "An alert fires",
        "A retrain is promoted",
        "A version of the model is new",
    }
    assert all(one["datasource"] == SOURCE for one in drawn.values())


@each_board
def test_the_data_source_is_one_variable(board: Json) -> None:
    sources = [v for v in variables(board).values() if v["type"] == "datasource"]
    assert [(v["name"], v["label"], v["query"]) for v in sources] == [
        ("datasource", "Data Source", "prometheus")
    ]


@each_board
@pytest.mark.parametrize("name", ["job", "instance", "monitor"])
def test_the_selectors_follow_the_data_and_may_be_many_or_all(board: Json, name: str) -> None:
    variable = variables(board)[name]
    assert variable["type"] == "query"
    assert variable["datasource"] == SOURCE
    assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, ".+")
    assert variable["refresh"] == 2  # when the time range changes


@each_panel
def test_a_panel_says_what_it_shows_in_what_unit(panel: Json) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["type"] in OF_NOW or panel["options"]["legend"]["showLegend"] is True


@each_panel
def test_a_moment_is_asked_for_where_no_time_is_shown(panel: Json) -> None:
    is_of_now = panel["type"] in OF_NOW
    assert all(bool(target.get("instant")) is is_of_now for target in panel["targets"])
    assert all(bool(target.get("range")) is not is_of_now for target in panel["targets"])


@each_panel
def test_what_a_number_means_is_said_in_colours(panel: Json) -> None:
    if panel["type"] == "stat":
        colors = [one["color"] for one in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert colors in (["green", "orange", "red"], ["red", "orange", "green"])


def test_a_table_s_columns_are_its_queries_and_its_rows_lead_to_a_board() -> None:
    (table,) = (panel for panel in PANELS if panel["type"] == "table")
    organized = table["transformations"][1]["options"]
    values = {f"Value #{target['refId']}" for target in table["targets"]}
    assert values <= organized["renameByName"].keys() | organized["excludeByName"].keys()
    (link,) = (
        one["value"][0]
        for override in table["fieldConfig"]["overrides"]
        for one in override["properties"]
        if one["id"] == "links"
    )
    assert any(link["url"].startswith(f"/d/{board['uid']}?") for board in DRAWN.values())


@each_panel
def test_a_panel_asks_the_chosen_data_source(panel: Json) -> None:
    assert panel["datasource"] == SOURCE
    assert panel["targets"]
    assert all(target["datasource"] == SOURCE for target in panel["targets"])


@each_panel
def test_the_queries_of_a_panel_can_be_told_apart(panel: Json) -> None:
    ids = [target["refId"] for target in panel["targets"]]
    assert len(set(ids)) == len(ids)
    assert all(target["legendFormat"] for target in panel["targets"])


@each_board
def test_panels_have_ids_and_places_of_their_own(board: Json) -> None:
    everything = board["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in everything}
    assert len(places) == len(everything)


def test_every_panel_of_every_board_is_drawn() -> None:
    assert [p["title"] for p in PANELS] == [p.title for board in BOARDS for p in board.panels]


def test_every_metric_of_the_table_is_on_a_board_or_alerts_somebody() -> None:
    shown = {name for target in TARGETS for name in metrics_of(target["expr"])}
    alerting = set(re.findall(r"driftmeter_\w+", rules()))
    assert METRICS.keys() <= shown | {name.removesuffix("_bucket") for name in alerting}


@each_query
def test_a_query_knows_only_metrics_of_the_table(expr: str) -> None:
    assert metrics_of(expr) <= METRICS.keys()
    assert metrics_of(expr)


@each_query
def test_every_selector_matches_job_and_instance(expr: str) -> None:
    selectors = re.findall(r"driftmeter_\w+\{([^}]*)\}", expr)
    assert len(selectors) == len(re.findall(r"driftmeter_\w+", expr))
    assert all('job=~"$job", instance=~"$instance"' in selector for selector in selectors)


@each_query
def test_a_query_matches_and_groups_by_labels_that_the_metric_has(expr: str) -> None:
    known = {"job", "instance", "le", "namespace"}.union(
        *(METRICS[name].labels for name in metrics_of(expr))
    )
    matched = set(re.findall(r"(\w+)=~?\"", expr))
    grouped = {
        label for group in re.findall(r"by \(([^)]*)\)", expr) for label in group.split(", ")
    }
    assert (matched | grouped) - {""} <= known


@each_panel
def test_counters_are_looked_at_over_grafana_s_interval_or_all_that_is_shown(panel: Json) -> None:
    window = "$__range" if panel["type"] in OF_NOW else "$__rate_interval"
    for target in panel["targets"]:
        counts = any(METRICS[name].kind != "gauge" for name in metrics_of(target["expr"]))
        looked_at = re.findall(r"(?:rate|increase)\([^[]*\[([^\]]*)\]\)", target["expr"])
        assert set(looked_at) == ({window} if counts else set())


def test_the_ruling_that_is_left_out_is_the_one_of_windows_in_which_nothing_was() -> None:
    left_out = {
        ruling for target in TARGETS for ruling in re.findall(r'ruling!="([^"]*)"', target["expr"])
    }
    assert left_out == {Ruling.QUIET}


@each_panel
def test_a_legend_names_only_labels_that_the_query_keeps(panel: Json) -> None:
    for target in panel["targets"]:
        expr = re.sub(r"topk by \([^)]*\)", "topk", target["expr"])
        outermost = re.search(r"by \(([^)]*)\)", expr)
        is_counted = panel["type"] == "stat"
        kept = set() if is_counted or outermost is None else set(outermost[1].split(", "))
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) == kept - {"", "le"}
