"""The rules of Grafana's dashboard-linter, applied to every panel and query.

https://github.com/grafana/dashboard-linter/tree/main/docs
"""

import json
import re
from typing import Any

import pytest

from dashboards.board import ROWS
from dashboards.render import dashboard
from monitor.telemetry.metrics import TABLE

Json = dict[str, Any]

BOARD: Json = json.loads(dashboard())
PANELS: list[Json] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
TARGETS: list[Json] = [target for panel in PANELS for target in panel["targets"]]
VARIABLES: dict[str, Json] = {v["name"]: v for v in BOARD["templating"]["list"]}
METRICS = {metric.name: metric for metric in TABLE}
UNITS = {"short", "s", "bytes", "percentunit", "reqps", "ops"}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
each_query = pytest.mark.parametrize("expr", [target["expr"] for target in TARGETS])


def metrics_of(expr: str) -> set[str]:
    """The names of the metrics in a query; of a histogram, without the suffix of its buckets."""
    return {name.removesuffix("_bucket") for name in re.findall(r"driftmeter_\w+", expr)}


def test_the_dashboard_keeps_its_address_and_is_not_edited_by_hand() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", BOARD["uid"])
    assert BOARD["editable"] is False


def test_the_data_source_is_one_variable() -> None:
    sources = [v for v in VARIABLES.values() if v["type"] == "datasource"]
    assert [(v["name"], v["label"], v["query"]) for v in sources] == [
        ("datasource", "Data Source", "prometheus")
    ]


@pytest.mark.parametrize("name", ["job", "instance", "monitor"])
def test_the_selectors_follow_the_data_and_may_be_many_or_all(name: str) -> None:
    variable = VARIABLES[name]
    assert variable["type"] == "query"
    assert variable["datasource"] == SOURCE
    assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, ".+")
    assert variable["refresh"] == 2  # when the time range changes


@each_panel
def test_a_panel_says_what_it_shows_in_what_unit(panel: Json) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["options"]["legend"]["showLegend"] is True


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


def test_panels_have_ids_and_places_of_their_own() -> None:
    everything = BOARD["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in everything}
    assert len(places) == len(everything)


def test_every_panel_of_the_board_is_drawn() -> None:
    assert [p["title"] for p in PANELS] == [panel.title for row in ROWS for panel in row.panels]


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
    known = {"job", "instance", "le"}.union(*(METRICS[name].labels for name in metrics_of(expr)))
    matched = set(re.findall(r"(\w+)=~?\"", expr))
    grouped = {
        label for group in re.findall(r"by \(([^)]*)\)", expr) for label in group.split(", ")
    }
    assert (matched | grouped) - {""} <= known


@each_query
def test_counters_are_looked_at_by_rate_or_increase_over_grafana_s_interval(expr: str) -> None:
    counts = any(METRICS[name].kind != "gauge" for name in metrics_of(expr))
    looked_at = re.findall(r"(?:rate|increase)\([^[]*\[([^\]]*)\]\)", expr)
    assert looked_at == (["$__rate_interval"] if counts else [])


@each_panel
def test_a_legend_names_only_labels_that_the_query_keeps(panel: Json) -> None:
    for target in panel["targets"]:
        kept = {
            label
            for group in re.findall(r"by \(([^)]*)\)", target["expr"])
            for label in group.split(", ")
        }
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) == kept - {"", "le"}
