"""All monitors at a glance, for whoever has never heard of us."""

from dashboards.boards import shared
from dashboards.panels import Board, Graph, Row
from dashboards.queries import Query, increase, latest, total
from monitor.telemetry import metrics as m

MODELS = Row(
    title="Is a model drifting, and since when?",
    panels=(
        shared.ALERTS,
        shared.VERDICTS,
        Graph(
            title="Evidence, as a share of what declares drift",
            description="1 is where drift is declared. It follows from the false-alarm budget.",
            unit="percentunit",
            queries=(
                Query(
                    f"{latest(m.MONITOR_EVIDENCE)} / {latest(m.MONITOR_EVIDENCE_THRESHOLD)}",
                    "{{monitor}}",
                ),
            ),
            scale="log",
        ),
        Graph(
            title="What moved",
            description="Each column's share of its monitor's evidence: the strongest columns.",
            unit="percentunit",
            queries=(
                Query(
                    latest(m.MONITOR_COLUMN_EVIDENCE, 'column!=""') + " > 0.05",
                    "{{monitor}} {{column}}",
                ),
            ),
        ),
    ),
)

WORSE = Row(
    title="Is it worse?",
    panels=(
        Graph(
            title="Realised performance, relative to the reference",
            description="1 is as in the reference. What is an error is worse above 1, what is an "
            "accuracy below.",
            unit="percentunit",
            queries=(
                Query(
                    f"{latest(m.MONITOR_REALISED)} / {latest(m.MONITOR_REFERENCE_PERFORMANCE)}",
                    "{{monitor}} {{metric}}",
                ),
            ),
        ),
        Graph(
            title="Expected performance, relative to the reference",
            description="The same, before any label: what the model's inputs let expect.",
            unit="percentunit",
            queries=(
                Query(
                    f"{latest(m.MONITOR_EXPECTED)} / {latest(m.MONITOR_REFERENCE_PERFORMANCE)}",
                    "{{monitor}} {{metric}}",
                ),
            ),
        ),
    ),
)

OURSELVES = Row(
    title="Is our own pipeline healthy?",
    panels=(
        Graph(
            title="Windows that are over and not reported",
            description="Time since the end of the last window, in windows. Up to 2 is normal: "
            "one is under way, and late rows are waited for.",
            unit="short",
            queries=(
                Query(
                    f"(time() - {latest(m.MONITOR_WINDOW_END)}) "
                    f"/ {latest(m.MONITOR_WINDOW_SECONDS)}",
                    "{{monitor}}",
                ),
            ),
        ),
        Graph(
            title="Not counted, or lost",
            description="Exchanges that collectors dropped, rows that were read and not counted, "
            "messages that could not be read. All zero is healthy.",
            unit="short",
            queries=(
                Query(increase(m.COLLECTOR_DROPPED), "dropped: {{reason}}"),
                Query(increase(m.AGGREGATE_SKIPPED), "{{monitor}} not counted: {{reason}}"),
                Query(increase(m.AGGREGATE_DEAD_LETTERS), "dead letters: {{reason}}"),
            ),
        ),
        Graph(
            title="Waiting to be counted",
            description="Messages between what was counted and the end of the log.",
            unit="short",
            queries=(Query(total(m.AGGREGATE_LAG, by=("topic",)), "{{topic}}"),),
        ),
    ),
)

BOARD = Board(
    name="overview",
    title="Driftmeter / Overview",
    question="Is a model drifting, is it worse, since when, which columns, and are we well?",
    rows=(MODELS, WORSE, OURSELVES),
)
