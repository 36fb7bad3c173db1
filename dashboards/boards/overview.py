"""All monitors at a glance, for whoever has never heard of us."""

from dashboards.boards import shared
from dashboards.panels import Board, Column, Graph, Limits, Number, Row, Table
from dashboards.queries import Query, how_many, increase, latest, over_all, total
from monitor.telemetry import metrics as m
from monitor.telemetry.instruments import Metric

WINDOWS_BEHIND = f"(time() - {latest(m.MONITOR_WINDOW_END)}) / {latest(m.MONITOR_WINDOW_SECONDS)}"
ONE = Limits(warning=1, critical=1)
"""Already one is wrong."""


def error(performance: Metric) -> str:
    """As a share of the reference's; of an accuracy it is what that lacks of 1."""
    is_score, is_error = 'metric="accuracy"', 'metric!="accuracy"'
    reference = m.MONITOR_REFERENCE_PERFORMANCE
    return (
        f"{latest(performance, is_error)} / {latest(reference, is_error)} "
        f"or (1 - {latest(performance, is_score)}) / (1 - {latest(reference, is_score)})"
    )


NUMBERS = Row(
    title="At a glance",
    panels=(
        Number(
            title="Monitors drifting",
            description="Monitors with an alert that is firing.",
            unit="short",
            query=Query(how_many(f"{shared.alert('firing')} == 1"), "firing"),
            limits=ONE,
        ),
        Number(
            title="Perhaps drifting",
            description="Monitors with a pending alert: a window drifts, and whether that lasts is "
            "not known yet.",
            unit="short",
            query=Query(how_many(f"{shared.alert('pending')} == 1"), "pending"),
            limits=Limits(warning=1, critical=1_000_000),
        ),
        Number(
            title="Undecided",
            description="Monitors of whose last window nothing could be decided: too few rows, or "
            "they are paused.",
            unit="short",
            query=Query(
                how_many(f"{latest(m.MONITOR_ROWS)} unless {latest(m.MONITOR_DRIFTING)}"),
                "undecided",
            ),
            limits=Limits(warning=1, critical=1_000_000),
        ),
        Number(
            title="Windows overdue",
            description="Monitors whose next window should have been reported long ago: no "
            "predictions come, or we fall behind.",
            unit="short",
            query=Query(how_many(f"({WINDOWS_BEHIND}) > 3"), "overdue"),
            limits=ONE,
        ),
        Number(
            title="Predictions lost",
            description="Captured predictions that were lost in the time that is looked at.",
            unit="short",
            query=Query(over_all(m.COLLECTOR_DROPPED), "lost"),
            limits=ONE,
        ),
        Number(
            title="Counting behind by",
            description="How old the latest message is that was counted, of the partition that is "
            "furthest behind; 0 if none waits.",
            unit="s",
            query=Query(latest(m.AGGREGATE_LAG_SECONDS, by=()), "behind"),
            limits=Limits(warning=60, critical=300),
        ),
    ),
)

MONITORS = Row(
    title="Is a model drifting, is it worse, since when, which columns?",
    panels=(
        Table(
            title="Monitors",
            description="What is known now of each monitor. Evidence of 100 % declares drift. "
            "The model's error is set beside that in the reference: above 100 % it is worse. A "
            "name leads to its monitor.",
            label="monitor",
            linked="monitor",
            sort="Evidence",
            columns=(
                Column(
                    title="Last window",
                    unit="short",
                    expr=latest(m.MONITOR_DRIFTING),
                    names=shared.VERDICTS.names,
                ),
                Column(title="Alert", unit="short", expr=shared.ALERT, names=shared.ALERTS.names),
                Column(
                    title="Open for", unit="s", expr=f"time() - {latest(m.MONITOR_ALERT_START)}"
                ),
                Column(
                    title="Evidence",
                    unit="percentunit",
                    expr=shared.SHARE_OF_THRESHOLD,
                    limits=Limits(warning=0.1, critical=1),
                ),
                Column(
                    title="Moved most",
                    unit="short",
                    expr=f"topk by (monitor) (1, {shared.MOVED})",
                    label="column",
                ),
                Column(
                    title="Error, of the reference's",
                    unit="percentunit",
                    expr=f"max by (monitor) ({error(m.MONITOR_REALISED)})",
                ),
                Column(
                    title="Expected error, of the reference's",
                    unit="percentunit",
                    expr=f"max by (monitor) ({error(m.MONITOR_EXPECTED)})",
                ),
                Column(
                    title="Last window ended before",
                    unit="s",
                    expr=f"time() - {latest(m.MONITOR_WINDOW_END)}",
                ),
            ),
        ),
    ),
)

HISTORY = Row(
    title="Since when?",
    panels=(
        shared.ALERTS,
        shared.VERDICTS,
        Graph(
            title="Evidence, as a share of what declares drift",
            description="100 % is where drift is declared. It follows from the false-alarm budget.",
            unit="percentunit",
            queries=(Query(shared.SHARE_OF_THRESHOLD, "{{monitor}}"),),
            limit=1,
            scale="log",
        ),
        Graph(
            title="What moved",
            description="Each column's share of the evidence that declares drift. Empty while "
            "nothing drifts.",
            unit="percentunit",
            queries=(Query(shared.MOVED, "{{monitor}} {{column}}"),),
            empty="nothing moved",
        ),
    ),
)

WORSE = Row(
    title="Is it worse?",
    panels=(
        Graph(
            title="Error, of the reference's",
            description="What the labels show. 100 % is as in the reference, above is worse: the "
            "mean absolute error, or of a classifier the share of its answers that are wrong.",
            unit="percentunit",
            queries=(Query(error(m.MONITOR_REALISED), "{{monitor}} {{metric}}"),),
        ),
        Graph(
            title="Expected error, of the reference's",
            description="The same, before any label: what the model's inputs let expect.",
            unit="percentunit",
            queries=(Query(error(m.MONITOR_EXPECTED), "{{monitor}} {{metric}}"),),
        ),
    ),
)

OURSELVES = Row(
    title="Is our own pipeline healthy?",
    panels=(
        Graph(
            title="Windows that are over and not reported",
            description="Time since the end of the last window, in windows. Up to 2 is normal: "
            "one is under way, and late rows are waited for. Dashed: overdue.",
            unit="short",
            limit=3,
            queries=(Query(WINDOWS_BEHIND, "{{monitor}}"),),
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
    rows=(NUMBERS, MONITORS, HISTORY, WORSE, OURSELVES),
)
