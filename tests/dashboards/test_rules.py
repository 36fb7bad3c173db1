"""The rules ask for what exists, each alert has its page, and promtool sees it fire and not fire.

What people then read is written out in each alert's example, as is the one input that differs.
"""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts import delivery
from alerts.delivery import Result
from alerts.state import State
from dashboards.generate import ROOT
from dashboards.notification_rules import DELIVERIES
from dashboards.rules import Alert, Recording
from dashboards.rules_files import (
    ALERTS,
    GROUPS,
    INTERVALS,
    RULES_FILE,
    rule_tests,
    rule_tests_file,
    rules,
    runbooks_page,
)
from monitor.decoders.exchange import Reason
from monitor.telemetry import metrics
from monitor.telemetry.metrics import TABLE
from tests.conftest import Needs

Json = dict[str, Any]

PROMETHEUS = ROOT / "dashboards" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
SECTIONS = ["Meaning", "Impact", "First three checks", "Remedy"]

RULES = [rule for group in GROUPS for rule in group.rules]
RECORDINGS = [rule for rule in RULES if isinstance(rule, Recording)]
CASES: dict[str, Json] = {
    case["name"]: case
    for interval in INTERVALS
    for case in yaml.safe_load(rule_tests(interval))["tests"]
}
METRICS = {metric.name: metric for metric in TABLE}
TARGET_LABELS = {"job", "instance", "pod"}

each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
each_rule = pytest.mark.parametrize(
    "rule", RULES, ids=lambda rule: rule.record if isinstance(rule, Recording) else rule.name
)


def names_in(promql: str) -> set[str]:
    """The names of metrics and of recorded series; of a histogram, without its suffix."""
    bare = re.sub(r'"[^"]*"', "", promql)
    found = re.findall(r"[A-Za-z_:][\w:]*", bare)
    return {name.removesuffix("_bucket") for name in found if "driftmeter_" in name}


def labels_in(promql: str) -> set[str]:
    """The labels that are matched, or named in a `without` or an `ignoring`."""
    matched = set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', promql))
    lists = re.findall(r"(?:without|ignoring) \(([^)]*)\)", promql)
    return matched | {label for named in lists for label in named.split(", ")}


def values_matched(label: str, series: str) -> set[str]:
    """The values of a label that the rules match on a series."""
    selectors = re.findall(rf"{series}{{([^}}]*)}}", rules())
    found = re.findall(rf'\b{label}(?:=~|!~|!=|=)"([^"]*)"', ", ".join(selectors))
    return {value for values in found for value in values.split("|")}


def inputs(case: Json) -> dict[str, str]:
    return {one["series"]: one["values"] for one in case["input_series"]}


def promtool(needs: Needs, *arguments: str, folder: Path = PROMETHEUS) -> None:
    done = subprocess.run(
        [needs("promtool"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_no_fault_with_the_rules(needs: Needs) -> None:
    promtool(needs, "check", "rules", "--lint=all", "driftmeter.rules.yaml")


@pytest.mark.parametrize("interval", INTERVALS)
def test_promtool_sees_every_alert_fire_and_stay_quiet(interval: str, needs: Needs) -> None:
    promtool(needs, "test", "rules", rule_tests_file(interval))


def test_a_loss_too_slow_for_the_limit_of_an_hour_is_seen_in_six(
    needs: Needs, tmp_path: Path
) -> None:
    (alert,) = (alert for alert in ALERTS if alert.name == "DriftmeterCaptureLoss")
    lost, _ = alert.example.quiet
    slow = replace(
        alert.example,
        series={**alert.example.series, lost: "0+10x380"},
        description="Collector collector-0 lost 0.9901% of the predictions that it should have "
        "captured.",  # 10 of 1,010
        quiet=(lost, "0+5x380"),
    )
    (tmp_path / RULES_FILE).write_text(rules())
    (tmp_path / "slow.yaml").write_text(rule_tests("1m", (replace(alert, example=slow),)))
    promtool(needs, "test", "rules", "slow.yaml", folder=tmp_path)


@each_alert
def test_the_two_tests_of_an_alert_differ_by_one_input(alert: Alert) -> None:
    fires, quiet = CASES[f"{alert.name} fires"], CASES[f"{alert.name} stays quiet"]
    assert inputs(fires).keys() == inputs(quiet).keys()
    assert len(set(inputs(fires).items()) - set(inputs(quiet).items())) == 1
    (fired,), (still,) = fires["alert_rule_test"], quiet["alert_rule_test"]
    assert (fired["alertname"], fired["eval_time"]) == (alert.name, still["eval_time"])
    assert len(fired["exp_alerts"]) == 1
    assert still["exp_alerts"] == []


def test_there_is_no_test_of_something_else() -> None:
    assert len(CASES) == 2 * len(ALERTS) == 2 * len({alert.name for alert in ALERTS})


def test_a_rule_knows_only_metrics_of_the_table_and_what_was_recorded_before_it() -> None:
    recorded: set[str] = set()
    for rule in RULES:
        assert names_in(rule.expr) <= METRICS.keys() | recorded, rule
        assert names_in(rule.expr) or "up{" in rule.expr
        if isinstance(rule, Recording):
            recorded.add(rule.record)


def test_inputs_of_tests_are_metrics_of_the_table_with_their_labels() -> None:
    for series in {series for case in CASES.values() for series in inputs(case)}:
        name = series.partition("{")[0].removesuffix("_bucket")
        labels = METRICS[name].labels if name != "up" else ()
        assert labels_in(series) <= {*labels, "le", *TARGET_LABELS}


@each_rule
def test_a_rule_names_only_labels_that_its_metrics_have(rule: Alert | Recording) -> None:
    sources = {recording.record: names_in(recording.expr) for recording in RECORDINGS}
    found = names_in(rule.expr)
    while recorded := found & sources.keys():
        found = found - recorded | {name for one in recorded for name in sources[one]}
    known = TARGET_LABELS.union(*(METRICS[name].labels for name in found))
    assert labels_in(rule.expr) <= known


def test_every_recording_is_named_as_prometheus_advises_and_used() -> None:
    used = {name for rule in RULES for name in names_in(rule.expr)}
    for recording in RECORDINGS:
        assert re.fullmatch(r"[a-z_]+:driftmeter_[a-z_]+:[a-z_]+[0-9a-z]*", recording.record)
        assert recording.record in used


@each_alert
def test_an_alert_says_what_is_the_matter(alert: Alert) -> None:
    assert alert.name.startswith("Driftmeter")
    assert re.fullmatch(r"\d+[smhd]", alert.for_)
    assert alert.summary.endswith(".")
    assert alert.description.endswith(".")


@each_alert
def test_numbers_are_printed_for_people_and_are_no_part_of_an_alert_s_identity(
    alert: Alert,
) -> None:
    printed = re.findall(
        r'{{ (?:printf "%\.\df"|humanizePercentage|humanizeDuration) \$value }}', alert.description
    )
    assert alert.description.count("$value") == len(printed)
    assert "$value" not in alert.summary


def test_severity_is_the_only_label_that_a_rule_adds() -> None:
    for group in yaml.safe_load(rules())["groups"]:
        added = [rule["labels"] for rule in group["rules"] if "alert" in rule]
        assert all(labels.keys() == {"severity"} for labels in added)


@each_alert
def test_an_alert_links_to_its_page_which_says_what_to_do(alert: Alert) -> None:
    page = (ROOT / alert.runbook_url).read_text(encoding="utf-8")
    assert page.startswith(f"# {alert.name}\n")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == SECTIONS
    bodies = re.split(r"^## .+$", page, flags=re.MULTILINE)[1:]
    assert all(body.strip() for body in bodies)
    assert re.findall(r"^(\d)\. ", bodies[2], re.MULTILINE) == ["1", "2", "3"]


def test_there_is_no_page_without_an_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")}
    assert pages == {alert.name for alert in ALERTS} | {"README"}


def test_the_list_of_pages_has_every_alert_once() -> None:
    linked = re.findall(r"^\| \[(\w+)\]\(\1\.md\)", runbooks_page(), re.MULTILINE)
    assert linked == [alert.name for alert in ALERTS]


def test_links_between_pages_lead_somewhere() -> None:
    for path in RUNBOOKS.glob("*.md"):
        for link in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link.partition("#")[0]).exists(), f"{path.name}: {link}"


def queries_of_pages() -> list[str]:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(RUNBOOKS.glob("*.md")))
    return [code for code in re.findall(r"`([^`\n]+)`", text) if "driftmeter_" in code]


def test_queries_of_pages_know_only_metrics_of_the_table() -> None:
    assert all(names_in(query) <= METRICS.keys() for query in queries_of_pages())


def test_promtool_can_read_the_queries_of_pages(needs: Needs, tmp_path: Path) -> None:
    recordings = [
        {"record": f"page:query:{i}", "expr": query} for i, query in enumerate(queries_of_pages())
    ]
    document = {"groups": [{"name": "pages", "rules": recordings}]}
    (tmp_path / "pages.yaml").write_text(yaml.safe_dump(document))
    promtool(needs, "check", "rules", "pages.yaml", folder=tmp_path)


@pytest.mark.parametrize(
    ("series", "label", "counted"),
    [
        (metrics.COLLECTOR_FAILED.name, "reason", Reason),
        (metrics.MONITOR_ALERT_STATE.name, "state", State),
        (DELIVERIES, "outcome", [*Result, delivery.State.EXHAUSTED]),
    ],
)
def test_values_that_rules_match_are_those_that_are_counted(
    series: str, label: str, counted: Iterable[str]
) -> None:
    matched = values_matched(label, series)
    assert matched
    assert matched <= set(counted)


def test_reasons_why_rows_are_missing_are_those_that_aggregate_gives() -> None:
    source = "".join(path.read_text() for path in (ROOT / "monitor" / "aggregate").glob("*.py"))
    reasons = values_matched("reason", metrics.AGGREGATE_SKIPPED.name)
    assert len(reasons) == 4
    assert all(f'"{reason}"' in source for reason in reasons)
