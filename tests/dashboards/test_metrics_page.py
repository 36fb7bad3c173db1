"""The page of metrics lists the whole table."""

from dashboards.metrics_page import page
from monitor.telemetry.metrics import TABLE


def test_every_metric_has_a_line_with_its_kind_labels_and_help() -> None:
    lines = page().splitlines()
    for metric in TABLE:
        (line,) = (line for line in lines if line.startswith(f"| `{metric.name}` |"))
        assert all(word in line for word in (metric.kind, metric.help, *metric.labels))


def test_each_role_has_one_section() -> None:
    headings = [line for line in page().splitlines() if line.startswith("## ")]
    assert len(set(headings)) == len(headings)
    assert all(heading.startswith("## `driftmeter ") for heading in headings)
