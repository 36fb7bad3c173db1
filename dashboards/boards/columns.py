"""The strongest columns of each monitor."""

from dashboards.boards import shared
from dashboards.panels import Board, Graph, Row
from dashboards.queries import Query, latest
from monitor.telemetry import metrics as m

P_VALUES = Graph(
    title="p-values",
    description="How likely such a change were by chance, in this window alone and for this "
    "column alone: what single tests say. The decision rests on the evidence.",
    unit="short",
    queries=(Query(latest(m.MONITOR_COLUMN_P_VALUE), "{{monitor}} {{column}}"),),
    scale="log",
)

BOARD = Board(
    name="columns",
    title="Driftmeter / Columns",
    question="Which columns moved, by how much, and how surely?",
    rows=(
        Row(title="How much", panels=(shared.NUMBERS, shared.CATEGORIES)),
        Row(title="How surely", panels=(shared.SHARES, P_VALUES)),
        Row(title="Values", panels=(shared.MISSING,)),
    ),
)
