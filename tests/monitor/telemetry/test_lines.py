"""Lines that are written once are what prometheus_client would write."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from monitor.telemetry.lines import MOST_CHARACTERS, bounded, head, lines
from monitor.telemetry.metrics import MONITOR_COLUMN_P_VALUE, MONITOR_ROWS

labels = st.text(st.characters(exclude_categories=["Cs"]), max_size=MOST_CHARACTERS)


@given(st.lists(st.tuples(labels, labels, st.floats()), unique_by=lambda one: one[:2]))
def test_they_are_the_client_s_own(samples: list[tuple[str, str, float]]) -> None:
    metric, registry = MONITOR_COLUMN_P_VALUE, CollectorRegistry()
    gauge = Gauge(metric.name, metric.help, sorted(metric.labels), registry=registry)
    for monitor, column, value in samples:
        gauge.labels(column=column, monitor=monitor).set(value)
    ours = lines((metric, (monitor, column), value) for monitor, column, value in samples)
    told = set((head(metric) + ours.get(metric.name, "")).split("\n"))
    for encode in (generate_latest, openmetrics.generate_latest):
        expected = encode(registry).decode().replace("# EOF\n", "").split("\n")
        assert {_sorted(line) for line in told} == set(expected)


def _sorted(line: str) -> str:
    """The client sorts labels by name; we keep the table's order."""
    before, brace, rest = line.partition('{monitor="')
    if not brace or line.startswith("#"):
        return line
    monitor, _, others = rest.partition('",column="')
    column, _, value = others.rpartition('"} ')
    return f'{before}{{column="{column}",monitor="{monitor}"}} {value}'


def test_long_values_are_cut_and_stay_apart() -> None:
    long = ["x" * 1000 + end for end in "ab"]
    cut = {bounded(text) for text in long}
    assert len(cut) == 2
    assert all(len(text) == MOST_CHARACTERS and text.startswith("xxx") for text in cut)


def test_what_is_not_known_has_no_line() -> None:
    assert lines([(MONITOR_ROWS, ("seats",), None)]) == {}
