"""Rows that are unlike the others, and data that is broken."""

from dashboards.boards import shared
from dashboards.panels import Board, Graph, Row
from dashboards.queries import Query, increase, latest
from monitor.telemetry import metrics as m

FAULTS = Graph(
    title="Faults",
    description="Share of the last window's rows with a fault, in the column that has most.",
    unit="percentunit",
    queries=(Query(latest(m.MONITOR_QUALITY), "{{monitor}}: {{fault}}"),),
)
BREAKS = Graph(
    title="Breaks of the schema",
    description="Values of columns that the reference lacks (new), that came without a value "
    "(missing), or of another type (retyped), as collectors met them.",
    unit="short",
    queries=(Query(increase(m.COLLECTOR_SCHEMA_BREAKS), "{{monitor}} {{kind}}"),),
)
UNREADABLE = Graph(
    title="Exchanges that could not be read",
    description="By reason; and requests whose event-time header could not be read.",
    unit="short",
    queries=(
        Query(increase(m.COLLECTOR_FAILED), "{{reason}}"),
        Query(increase(m.COLLECTOR_UNREADABLE_TIMES), "{{monitor}} event times"),
    ),
)

BOARD = Board(
    name="quality",
    title="Driftmeter / Outliers and data quality",
    question="Is the data broken, or are single rows strange?",
    rows=(
        Row(title="In the last window", panels=(shared.OUTLIERS, FAULTS, shared.MISSING)),
        Row(title="On the way in", panels=(BREAKS, UNREADABLE)),
    ),
)
