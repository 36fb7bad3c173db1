"""What the dashboard shows, row by row."""

from dataclasses import dataclass
from typing import Literal

from dashboards.queries import Query, increase, latest, quantile, rate, selected, total
from monitor.telemetry import metrics as m


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Lines over time.

    unit: Grafana's name for it. dashed: a pattern of the series that are limits, drawn dashed.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    dashed: str | None = None
    scale: Literal["linear", "log"] = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Coloured bands over time: one query whose values have names."""

    title: str
    description: str
    query: Query
    names: tuple[tuple[int, str, str], ...]
    """Value, name, colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    title: str
    panels: tuple[Graph | States, ...]


def _alert(state: str) -> str:
    return selected(m.MONITOR_ALERT_STATE, f'state="{state}"')


MONITORS = Row(
    title="Monitors",
    panels=(
        States(
            title="Verdict of the last window",
            description="Whether the last reported window of each monitor drifts. A gap means "
            "that nothing was decided: too few rows, or no predictions at all.",
            query=Query(latest(m.MONITOR_DRIFTING), "{{monitor}}"),
            names=((0, "quiet", "green"), (1, "drift", "red")),
        ),
        States(
            title="Alerts",
            description="The state of each monitor's latest alert. A monitor that never alerted "
            "is absent.",
            query=Query(
                f"max by (monitor) ({_alert('firing')} * 2 or {_alert('pending')} "
                f"or {_alert('resolved')} * 0)",
                "{{monitor}}",
            ),
            names=((0, "resolved", "green"), (1, "pending", "orange"), (2, "firing", "red")),
        ),
        Graph(
            title="Evidence of drift",
            description="Accumulated evidence, and the dashed line at which drift is declared. "
            "The line follows from the false-alarm budget.",
            unit="short",
            queries=(
                Query(latest(m.MONITOR_EVIDENCE), "{{monitor}}"),
                Query(latest(m.MONITOR_EVIDENCE_THRESHOLD), "{{monitor}} threshold"),
            ),
            dashed=".* threshold$",
            scale="log",
        ),
        Graph(
            title="Rows",
            description="Predictions in the last reported window.",
            unit="short",
            queries=(Query(latest(m.MONITOR_ROWS), "{{monitor}}"),),
        ),
        Graph(
            title="Age of the last window",
            description="Time since the end of the last reported window. It grows when "
            "predictions stop coming, or when the service falls behind.",
            unit="s",
            queries=(Query(f"time() - {latest(m.MONITOR_WINDOW_END)}", "{{monitor}}"),),
        ),
    ),
)

COLUMNS = Row(
    title="Columns: the strongest of each monitor",
    panels=(
        Graph(
            title="Change of numeric columns",
            description="Wasserstein distance between the window and the reference, in standard "
            "deviations of the reference.",
            unit="short",
            queries=(
                Query(
                    latest(m.MONITOR_COLUMN_EFFECT, 'unit="sd"', by=("monitor", "column")),
                    "{{monitor}} {{column}}",
                ),
            ),
        ),
        Graph(
            title="Change of categories",
            description="Total variation distance between the window and the reference: the "
            "share of rows that would have to change category.",
            unit="percentunit",
            queries=(
                Query(
                    latest(m.MONITOR_COLUMN_EFFECT, 'unit="share"', by=("monitor", "column")),
                    "{{monitor}} {{column}}",
                ),
            ),
        ),
        Graph(
            title="Missing values",
            description="Share of a column's values that are missing in the last window.",
            unit="percentunit",
            queries=(Query(latest(m.MONITOR_COLUMN_MISSING), "{{monitor}} {{column}}"),),
        ),
        Graph(
            title="Outliers",
            description="Share of the last window's rows that are unlike the reference's.",
            unit="percentunit",
            queries=(Query(latest(m.MONITOR_OUTLIERS), "{{monitor}}"),),
        ),
    ),
)

MODEL = Row(
    title="Model",
    panels=(
        Graph(
            title="Expected and realised performance",
            description="What the model's inputs let expect (dashed), and what the labels show "
            "once they are there. For an error such as mae higher is worse, for accuracy lower.",
            unit="short",
            queries=(
                Query(latest(m.MONITOR_REALISED), "{{monitor}} {{metric}}"),
                Query(latest(m.MONITOR_EXPECTED), "{{monitor}} {{metric}} expected"),
            ),
            dashed=".* expected$",
        ),
        Graph(
            title="Labels",
            description="Share of predictions whose label has come, in the latest window with "
            "labels.",
            unit="percentunit",
            queries=(Query(latest(m.MONITOR_LABEL_COVERAGE), "{{monitor}}"),),
        ),
    ),
)

COLLECTOR = Row(
    title="Collector",
    panels=(
        Graph(
            title="Requests",
            description="Requests that passed through the proxy, by the model's answer.",
            unit="reqps",
            queries=(Query(rate(m.COLLECTOR_REQUESTS), "{{code}}"),),
        ),
        Graph(
            title="Captured exchanges",
            description="Exchanges with the model that were captured, and those that could not "
            "be read as predictions, by reason.",
            unit="ops",
            queries=(
                Query(rate(m.COLLECTOR_CAPTURED), "captured"),
                Query(rate(m.COLLECTOR_FAILED), "not read: {{reason}}"),
            ),
        ),
        Graph(
            title="Lost",
            description="Captured exchanges or batches that were lost, by reason, and gRPC "
            "connections of which the rest is not read. The model comes first: what would delay "
            "it is dropped, and counted here.",
            unit="short",
            queries=(
                Query(increase(m.COLLECTOR_DROPPED), "{{reason}}"),
                Query(increase(m.COLLECTOR_UNREAD_CONNECTIONS), "gRPC connections: {{reason}}"),
            ),
        ),
        Graph(
            title="Rows published",
            description="Rows handed to Kafka and acknowledged by it.",
            unit="ops",
            queries=(Query(rate(m.COLLECTOR_ROWS), "{{monitor}} {{topic}}"),),
        ),
        Graph(
            title="Values in doubt",
            description="Requests whose event-time header could not be read, so that their "
            "arrival was taken, and values that were not of their column's type.",
            unit="short",
            queries=(
                Query(increase(m.COLLECTOR_UNREADABLE_TIMES), "{{monitor}} event times"),
                Query(increase(m.COLLECTOR_SCHEMA_BREAKS), "{{monitor}} {{kind}} values"),
            ),
        ),
        Graph(
            title="Added latency",
            description="Time that the proxy itself spends on a request, waiting for the model "
            "excluded.",
            unit="s",
            queries=(
                Query(quantile(m.COLLECTOR_ADDED_LATENCY, 0.5), "median"),
                Query(quantile(m.COLLECTOR_ADDED_LATENCY, 0.99), "99 %"),
            ),
        ),
        Graph(
            title="Waiting to be decoded",
            description="Captured bytes in the collectors' queues.",
            unit="bytes",
            queries=(Query(total(m.COLLECTOR_QUEUE_BYTES, by=("instance",)), "{{instance}}"),),
        ),
    ),
)

PIPELINE = Row(
    title="Aggregate and detect",
    panels=(
        Graph(
            title="Rows counted",
            description="Rows counted into profiles, and rows that were read and not counted, "
            "by reason.",
            unit="ops",
            queries=(
                Query(rate(m.AGGREGATE_ROWS), "{{monitor}} {{topic}}"),
                Query(rate(m.AGGREGATE_SKIPPED), "{{monitor}} not counted: {{reason}}"),
            ),
        ),
        Graph(
            title="Lag",
            description="Messages that wait in Kafka to be counted.",
            unit="short",
            queries=(Query(total(m.AGGREGATE_LAG, by=("topic",)), "{{topic}}"),),
        ),
        Graph(
            title="Dead letters",
            description="Messages set aside because they could not be read, by reason.",
            unit="short",
            queries=(Query(increase(m.AGGREGATE_DEAD_LETTERS), "{{reason}}"),),
        ),
        Graph(
            title="Segments published",
            description="Profiles of stretches of the log, handed on to detect.",
            unit="ops",
            queries=(Query(rate(m.AGGREGATE_SEGMENTS), "segments"),),
        ),
        Graph(
            title="Windows",
            description="Windows reported, by verdict.",
            unit="short",
            queries=(Query(increase(m.DETECT_WINDOWS), "{{verdict}}"),),
        ),
        Graph(
            title="From profile to report",
            description="Time from the arrival of a segment's profile to the report that "
            "contains it.",
            unit="s",
            queries=(
                Query(quantile(m.DETECT_DELAY, 0.5), "median"),
                Query(quantile(m.DETECT_DELAY, 0.99), "99 %"),
            ),
        ),
        Graph(
            title="Offset resets",
            description="Times that Kafka no longer held what the state asked for: rows may be "
            "missing from a report.",
            unit="short",
            queries=(Query(increase(m.DETECT_OFFSET_RESETS), "resets"),),
        ),
    ),
)

DELIVERIES = Row(
    title="Notifications",
    panels=(
        Graph(
            title="Attempts at delivery",
            description="Attempts at delivering alerts and retrain requests, by outcome.",
            unit="short",
            queries=(Query(increase(m.SERVER_DELIVERIES), "{{kind}} {{outcome}}"),),
        ),
        Graph(
            title="From decision to first attempt",
            description="How long a notification waits until somebody is first called.",
            unit="s",
            queries=(
                Query(quantile(m.SERVER_DELIVERY_DELAY, 0.5), "median"),
                Query(quantile(m.SERVER_DELIVERY_DELAY, 0.99), "99 %"),
            ),
        ),
        Graph(
            title="Endpoints",
            description="Those that monitors tell; one that is disabled is called no more.",
            unit="short",
            queries=(Query(latest(m.SERVER_ENDPOINTS), "{{state}}"),),
        ),
    ),
)

ROWS = (MONITORS, COLUMNS, MODEL, COLLECTOR, PIPELINE, DELIVERIES)
