"""How good models are, and how good they are expected to be."""

from dashboards.boards import shared
from dashboards.panels import Board, Graph, Row
from dashboards.queries import Query, increase, latest, quantile, rate
from monitor.telemetry import metrics as m
from monitor.telemetry.instruments import Metric


def _with_interval(title: str, description: str, value: Metric, bound: Metric) -> Graph:
    return Graph(
        title=title,
        description=f"{description} Dashed: its 95 % interval, and the reference. For an error "
        "such as mae higher is worse, for accuracy lower.",
        unit="short",
        queries=(
            Query(latest(value), "{{monitor}} {{metric}}"),
            Query(latest(bound), "{{monitor}} {{metric}} {{bound}} bound"),
            Query(latest(m.MONITOR_REFERENCE_PERFORMANCE), "{{monitor}} {{metric}} reference"),
        ),
        dashed=".* (bound|reference)$",
    )


REALISED = _with_interval(
    "Realised performance",
    "What the labels show, in the latest window that has any.",
    m.MONITOR_REALISED,
    m.MONITOR_REALISED_BOUND,
)
EXPECTED = _with_interval(
    "Expected performance",
    "What the model's inputs let expect, before any label.",
    m.MONITOR_EXPECTED,
    m.MONITOR_EXPECTED_BOUND,
)
ESTIMATE = Graph(
    title="Error of the estimate",
    description="Expected less realised performance, in the latest window that has labels. Near 0 "
    "the estimate can be relied on before labels come; far from it the relation of inputs to truth "
    "may have changed, which only labels show.",
    unit="short",
    queries=(Query(latest(m.MONITOR_ESTIMATE_ERROR), "{{monitor}} {{metric}}"),),
)
CORRECTED = Graph(
    title="Labels that were corrected",
    description="Labels that replaced another one of the same prediction: the last one counts.",
    unit="short",
    queries=(Query(increase(m.AGGREGATE_CORRECTIONS), "{{monitor}}"),),
)
LATENCY = Graph(
    title="Latency of the model",
    description="How long models take to answer, waiting for them and no more.",
    unit="s",
    queries=(
        Query(quantile(m.COLLECTOR_MODEL_LATENCY, 0.5), "median"),
        Query(quantile(m.COLLECTOR_MODEL_LATENCY, 0.95), "95 %"),
    ),
)
ANSWERS = Graph(
    title="Answers of the model",
    description="What models answered to captured requests: ok, or error for anything but 200.",
    unit="reqps",
    queries=(Query(rate(m.COLLECTOR_MODEL_ANSWERS), "{{monitor}} {{outcome}}"),),
)

BOARD = Board(
    name="performance",
    title="Driftmeter / Performance and labels",
    question="Is a model worse, and how much do we know of it yet?",
    rows=(
        Row(title="Performance", panels=(REALISED, EXPECTED)),
        Row(title="Labels", panels=(ESTIMATE, shared.LABELS, CORRECTED)),
        Row(title="The model server", panels=(LATENCY, ANSWERS)),
    ),
)
