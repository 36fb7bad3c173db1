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
    queries=(
        Query(latest(m.MONITOR_COLUMN_P_VALUE, shared.OF_THE_MODEL), "{{monitor}} {{column}}"),
    ),
    scale="log",
    first="smallest",
)

SEGMENTS = Graph(
    title="Columns that moved, by segment",
    description="How many columns surely differ among the rows in which a column has one value: "
    "whom the change hits. Of monitors that name segments.",
    unit="short",
    queries=(Query(latest(m.MONITOR_SEGMENT_MOVED), "{{monitor}} {{column}} {{value}}"),),
    first="largest",
)
SEGMENT_SHARES = Graph(
    title="Rows, by segment",
    description="Share of the last window's rows in which a column has one value.",
    unit="percentunit",
    queries=(Query(latest(m.MONITOR_SEGMENT_SHARE), "{{monitor}} {{column}} {{value}}"),),
    first="largest",
)

BOARD = Board(
    name="columns",
    title="Driftmeter / Columns",
    question="Which columns moved, by how much, and how surely?",
    rows=(
        Row(title="Which", panels=(shared.STRONGEST, shared.SHARES)),
        Row(title="How much", panels=(shared.NUMBERS, shared.CATEGORIES)),
        Row(title="Whom does it hit", panels=(SEGMENTS, SEGMENT_SHARES)),
        Row(title="How surely, and what is missing", panels=(P_VALUES, shared.MISSING)),
    ),
)
