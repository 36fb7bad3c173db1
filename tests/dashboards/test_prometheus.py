"""Every query of the dashboard on a real Prometheus that scrapes every metric of the table."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.builders.dashboard import AnnotationQuery
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from dashboards.boards import BOARDS
from dashboards.boards.shared import ALERT
from dashboards.panels import Board
from dashboards.queries import Query
from dashboards.render import ANNOTATIONS, dashboard
from monitor.flags import Address
from monitor.telemetry import exposition
from monitor.telemetry.instruments import Instruments
from monitor.telemetry.metrics import DETECT_DELAY, TABLE
from monitor.up.supervisor import Supervisor
from tests.conftest import Needs
from tests.support.grafana.asked import Span
from tests.support.grafana.page import page
from tests.support.prometheus import Prometheus, start

QUERIES: list[Query] = [
    *{query: None for board in BOARDS for panel in board.panels for query in panel.queries}
]
VALUES = {"monitor": "free-seats", "state": "firing", "unit": "sd"}
"""Of labels; the others are their own value."""

DEADLINE_S = 60.0
EXEMPLAR = {"trace_id": "0af7651916cd43dd8448eb211c80319c"}

pytestmark = pytest.mark.xdist_group("prometheus")


class Traffic:
    """Every metric of the table, moving whenever it is told to."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        made = Instruments(self.registry)
        self._children: list[Any] = []
        for metric in TABLE:
            instrument: Counter | Gauge | Histogram = getattr(made, metric.kind)(metric)
            for unit in ("sd", "share") if "unit" in metric.labels else ("",):
                values = {label: VALUES.get(label, label) for label in metric.labels}
                labels = values | ({"unit": unit} if unit else {})
                self._children.append(instrument.labels(**labels) if labels else instrument)

    def move(self) -> None:
        for child in self._children:
            if isinstance(child, Histogram):
                child.observe(0.003, EXEMPLAR)
            else:
                child.inc(1.5)


@pytest.fixture(scope="module")
def prometheus(
    needs: Needs, servers: Supervisor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder, traffic = tmp_path_factory.mktemp("prometheus"), Traffic()
    with exposition.serve(Address("127.0.0.1", 0), traffic.registry, lambda: None) as scraped:
        server = start(
            servers,
            needs("prometheus"),
            folder,
            {"driftmeter": str(scraped.address)},
            labels={"namespace": "models"},
            flags=("--enable-feature=exemplar-storage",),
        )
        _until(traffic.move, lambda: _has_moved(server))
        yield server


def _has_moved(server: Prometheus) -> bool:
    """Whether the last metric of each kind was scraped before and after it moved."""
    moved = [f"changes({metric.name}{{}}[1m]) > 1" for metric in TABLE if metric.kind == "counter"]
    return all(server.ask(expr) for expr in moved)


def _until(move: Callable[[], None], done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline, "Prometheus scraped nothing"
        move()


filled = Span(0.0, 60.0, 15.0).filled
"""The query as Grafana sends it with everything selected, of a minute."""


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.expr)
def test_a_query_finds_data_with_the_labels_of_its_legend(
    query: Query, prometheus: Prometheus
) -> None:
    series = prometheus.ask(filled(query.expr))
    assert series
    for one in series:
        assert query.legend.count("{{") == len(set(one["metric"]))
        assert all(f"{{{{{label}}}}}" in query.legend for label in one["metric"])
        assert one["value"][1] != "NaN"


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_every_panel_of_a_board_has_something_to_draw(board: Board, prometheus: Prometheus) -> None:
    now = time.time()
    drawn = page(json.loads(dashboard(board)), prometheus, Span(now - 120, now, 0.5))
    assert drawn.count("<section") == len(board.panels) + len(board.rows)
    assert 'class="empty"' not in drawn


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=lambda a: a.build().name)
def test_an_annotation_s_query_can_be_asked(
    annotation: AnnotationQuery, prometheus: Prometheus
) -> None:
    assert prometheus.ask(filled(str(annotation.build().expr))) is not None


def test_the_traces_of_observations_are_kept(prometheus: Prometheus) -> None:
    now = time.time()
    found = prometheus.exemplars(f"{DETECT_DELAY.name}_bucket", now - 600, now)
    assert {one["labels"]["trace_id"] for one in found} == {EXEMPLAR["trace_id"]}


def test_an_alert_that_fires_is_drawn_as_firing(prometheus: Prometheus) -> None:
    (state,) = prometheus.ask(filled(ALERT))
    (value,) = prometheus.ask(filled("max(driftmeter_monitor_alert_state)"))
    assert float(state["value"][1]) == 2 * float(value["value"][1])


def test_promtool_finds_no_fault_with_the_exposition(needs: Needs) -> None:
    traffic = Traffic()
    traffic.move()
    subprocess.run(
        [Path(needs("promtool")), "check", "metrics"],
        input=generate_latest(traffic.registry),
        check=True,
        capture_output=True,
        timeout=60,
    )
