"""One monitor: what it decided, on what, and what that means for its model."""

from dashboards.boards import shared
from dashboards.panels import Board, Graph, Row, States
from dashboards.queries import Query, latest
from monitor.telemetry import metrics as m

PAUSED = States(
    title="Paused",
    description="While a monitor is paused its windows are reported and nothing is decided.",
    query=Query(latest(m.MONITOR_PAUSED), "{{monitor}}"),
    names=((0, "watching", "green"), (1, "paused", "blue")),
)

VERSIONS = Graph(
    title="Versions of the model",
    description="Rows of the last window by the version of the model that answered, where "
    "predictions say which.",
    unit="short",
    queries=(Query(latest(m.MONITOR_VERSION_ROWS), "{{monitor}} {{version}}"),),
)

BOARD = Board(
    name="monitor",
    title="Driftmeter / Monitor",
    question="What did a monitor decide, on how much evidence, and what moved?",
    rows=(
        Row(title="Decision", panels=(shared.ALERTS, shared.VERDICTS, shared.EVIDENCE)),
        Row(title="What moved", panels=(shared.STRONGEST, shared.NUMBERS, shared.CATEGORIES)),
        Row(title="The model", panels=(shared.PERFORMANCE, shared.LABELS, VERSIONS)),
        Row(title="Windows", panels=(shared.ROWS, shared.AGE, shared.OUTLIERS, PAUSED)),
    ),
)
