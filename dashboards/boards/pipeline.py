"""Whether Driftmeter itself is well: collectors, counters, windows."""

from dashboards.panels import Board, Graph, Limits, Number, Row
from dashboards.queries import Query, increase, moved, over_all, quantile, rate, selected, total
from dashboards.rules import LATE_S
from monitor.telemetry import metrics as m

COLLECTOR = Row(
    title="Collectors",
    panels=(
        Graph(
            title="Requests",
            description="Requests that passed through the proxy, by the model's answer.",
            unit="reqps",
            queries=(Query(rate(m.COLLECTOR_REQUESTS), "{{code}}"),),
        ),
        Graph(
            title="Captured exchanges",
            description="Exchanges with the model that were captured, those whose rows are safe in "
            "the spool, and those that could not be read as predictions, by reason.",
            unit="ops",
            queries=(
                Query(rate(m.COLLECTOR_CAPTURED), "captured"),
                Query(rate(m.COLLECTOR_RECORDED), "safe in the spool"),
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
            empty="nothing lost",
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
            title="Pushes",
            description="Pushes of rows, logs, captures and events, by the status of the answer.",
            unit="reqps",
            queries=(Query(rate(m.COLLECTOR_PUSHES), "{{code}}"),),
        ),
        Graph(
            title="Left out by sampling",
            description="Rows that were read and not published, as their monitor's sample says.",
            unit="ops",
            queries=(Query(rate(m.COLLECTOR_UNSAMPLED), "{{monitor}} {{topic}}"),),
        ),
        Graph(
            title="Spools",
            description="What waits on the collectors' disks for Kafka. Dashed: where a spool "
            "takes nothing more.",
            unit="bytes",
            queries=(
                Query(total(m.COLLECTOR_SPOOL_BYTES, by=("instance",)), "{{instance}}"),
                Query(total(m.COLLECTOR_SPOOL_LIMIT_BYTES, by=("instance",)), "{{instance}} limit"),
            ),
            dashed=".* limit$",
        ),
        Graph(
            title="Repaired on the way",
            description="Bytes of writes that a crash had left unfinished, cut off at the start of "
            "a collector: nobody was told that they were safe.",
            unit="bytes",
            queries=(Query(increase(m.COLLECTOR_SPOOL_TORN_BYTES), "cut off"),),
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
            queries=(
                Query(total(m.AGGREGATE_LAG, by=("topic",)), "{{topic}}"),
                Query(total(m.CONSUME_LAG, by=("topic",)), "{{topic}}, of others"),
            ),
        ),
        Graph(
            title="Label join",
            description="What is remembered of predictions whose labels have not come, on the "
            "disks of aggregate.",
            unit="bytes",
            queries=(Query(total(m.AGGREGATE_JOIN_BYTES, by=("instance",)), "{{instance}}"),),
        ),
        Graph(
            title="Dead letters",
            description="Messages set aside because they could not be read, by reason.",
            unit="short",
            queries=(Query(increase(m.AGGREGATE_DEAD_LETTERS), "{{reason}}"),),
            empty="none",
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
            title="Tests of rows",
            description="Windows whose sampled rows were to be tested, by what came of it.",
            unit="short",
            queries=(Query(increase(m.DETECT_EXAMINATIONS), "{{outcome}}"),),
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

_CAPTURED = moved(m.COLLECTOR_CAPTURED)
_DROPPED = f"({over_all(m.COLLECTOR_DROPPED)})"
_FAULTS = over_all(m.COLLECTOR_PUSHES, 'code=~"5.."')
_GIVEN_UP = over_all(m.SERVER_DELIVERIES, 'outcome=~"failed|gone|exhausted"')

OBJECTIVES = Row(
    title="Objectives, in the time that is looked at",
    panels=(
        Number(
            title="Captured predictions that were not lost",
            description="Of those that should have been captured. The objective is 99.9 %.",
            unit="percentunit",
            query=Query(f"1 - {_DROPPED} / ({_CAPTURED} + {_DROPPED} > 0)", "kept"),
            limits=Limits(warning=0.9995, critical=0.999, rising=False),
        ),
        Number(
            title="Pushes without a fault of ours",
            description="Of all pushes, those not answered with 5xx. The objective is 99.9 %.",
            unit="percentunit",
            query=Query(
                f"1 - ({_FAULTS}) / ({moved(m.COLLECTOR_PUSHES)} > 0)",
                "taken",
            ),
            limits=Limits(warning=0.9995, critical=0.999, rising=False),
        ),
        Number(
            title="Counting was behind by at most",
            description="The greatest age of what was counted, of all partitions. The objective is "
            "less than a minute in 99 % of the time.",
            unit="s",
            query=Query(
                f"max(max_over_time({selected(m.AGGREGATE_LAG_SECONDS)}[$__range]))", "age"
            ),
            limits=Limits(warning=LATE_S, critical=5 * LATE_S),
        ),
        Number(
            title="Notifications given up",
            description="Endpoints did not take them. The objective is none.",
            unit="short",
            query=Query(_GIVEN_UP, "given up"),
            limits=Limits(warning=1, critical=1),
        ),
    ),
)

BOARD = Board(
    name="pipeline",
    title="Driftmeter / Pipeline",
    question="Is Driftmeter itself well: does every prediction arrive, soon, and counted?",
    rows=(OBJECTIVES, COLLECTOR, PIPELINE),
)
