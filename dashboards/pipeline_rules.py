"""What goes wrong between Kafka and the people who are told."""

from dashboards.rules import (
    JOBS,
    LATE_S,
    WINDOWS,
    Alert,
    Example,
    Group,
    Recording,
    burns,
    recent,
    series,
    without,
)
from monitor.telemetry import metrics as m

LAG = "topic:driftmeter_aggregate_lag_messages:sum"
LATE = "topic:driftmeter_aggregate_late:bool"

FRESHNESS_BUDGET = 0.01
"""The share of the time in which counting may be late: an objective of 99 %."""

_LOST_ROWS = (
    'reason=~"no longer in the log|reference not readable|no room for the label join|'
    'too many panes"'
)
"""Why rows that should have been counted were not; the other reasons are somebody's intention."""

_DELAY = without("sum", f"rate({series(m.DETECT_DELAY, suffix='_bucket')}[30m])")

_LAG_OF_ONE = (
    'driftmeter_aggregate_lag_messages{instance="a", partition="0", topic="driftmeter.predictions"}'
)
_AGE = 'driftmeter_aggregate_lag_seconds{instance="a", partition="0", topic="driftmeter.labels"}'
_STOPPED = (
    "driftmeter_aggregate_stopped_partitions"
    '{instance="a", partition="2", topic="driftmeter.predictions"}'
)
_DEAD = 'driftmeter_aggregate_dead_letters_total{instance="a", reason="unreadable"}'
_UNREADABLE_REFERENCE = (
    'driftmeter_aggregate_skipped_total{instance="a", monitor="free-seats", '
    'reason="reference not readable"}'
)
_NEW_LOG = (
    'driftmeter_aggregate_new_logs_total{instance="aggregate-0",topic="driftmeter.predictions",'
    'partition="0"}'
)
_RESETS = 'driftmeter_detect_offset_resets_total{instance="detect-0"}'
_WITHIN_30_S, _WITHIN_60_S, _WITHIN_ANY = (
    f'driftmeter_detect_delay_seconds_bucket{{instance="detect-0", le="{limit}"}}'
    for limit in ("30", "60", "+Inf")
)
_TOO_LATE = 'driftmeter_detect_too_late_total{instance="detect-0", monitor="free-seats"}'


def _late(window: str) -> str:
    return f"topic:driftmeter_aggregate_late:avg{window}"


_RECORD_FRESHNESS = (
    Recording(
        record=LATE,
        expr=without("max", series(m.AGGREGATE_LAG_SECONDS), "partition") + f" > bool {LATE_S}",
    ),
    *(
        Recording(record=_late(window), expr=f"avg_over_time({LATE}[{window}])")
        for window in WINDOWS
    ),
)

AGGREGATE = Group(
    name="driftmeter-aggregate",
    rules=(
        Recording(record=LAG, expr=without("sum", series(m.AGGREGATE_LAG), "partition")),
        Alert(
            name="DriftmeterLagGrows",
            expr=f"{LAG} > 1000 and deriv({LAG}[15m]) > 0",
            for_="15m",
            severity="warning",
            summary="Counting falls behind on {{ $labels.topic }}.",
            description='{{ printf "%.0f" $value }} messages of {{ $labels.topic }} wait to be '
            "counted, and they become more.",
            example=Example(
                series={_LAG_OF_ONE: "0+100x60"},
                at="45m",
                labels={"topic": "driftmeter.predictions"},
                summary="Counting falls behind on driftmeter.predictions.",
                description="4500 messages of driftmeter.predictions wait to be counted, and "
                "they become more.",
                quiet=(_LAG_OF_ONE, "6000-100x60"),
            ),
        ),
        *_RECORD_FRESHNESS,
        Alert(
            name="DriftmeterFreshnessLost",
            expr=burns(_late, FRESHNESS_BUDGET),
            for_="2m",
            severity="warning",
            summary="Counting of {{ $labels.topic }} is late too often.",
            description="Counting of {{ $labels.topic }} was more than a minute late in "
            "{{ humanizePercentage $value }} of the last hours.",
            example=Example(
                series={_AGE: "0x60 120x20"},
                at="75m",
                labels={"topic": "driftmeter.labels"},
                summary="Counting of driftmeter.labels is late too often.",
                description="Counting of driftmeter.labels was more than a minute late in "
                "24.59% of the last hours.",
                quiet=(_AGE, "0x60 50x20"),
            ),
        ),
        Alert(
            name="DriftmeterCountingLate",
            expr=f"{without('max', series(m.AGGREGATE_LAG_SECONDS))} > 300",
            for_="10m",
            severity="warning",
            summary="Counting of {{ $labels.topic }} is minutes late.",
            description="What is read now of {{ $labels.topic }}, partition "
            '{{ $labels.partition }}, was written {{ printf "%.0f" $value }} seconds ago.',
            example=Example(
                series={_AGE: "600x30"},
                at="20m",
                labels={"topic": "driftmeter.labels", "partition": "0"},
                summary="Counting of driftmeter.labels is minutes late.",
                description="What is read now of driftmeter.labels, partition 0, was written 600 "
                "seconds ago.",
                quiet=(_AGE, "60x30"),
            ),
        ),
        Alert(
            name="DriftmeterPartitionStopped",
            expr=f"{without('max', series(m.AGGREGATE_STOPPED))} == 1",
            for_="1m",
            severity="critical",
            summary="{{ $labels.topic }}, partition {{ $labels.partition }}, is not read on.",
            description="So many messages of {{ $labels.topic }}, partition "
            "{{ $labels.partition }}, cannot be read that going on would set all of them aside.",
            example=Example(
                series={_STOPPED: "1x10"},
                at="5m",
                labels={"topic": "driftmeter.predictions", "partition": "2"},
                summary="driftmeter.predictions, partition 2, is not read on.",
                description="So many messages of driftmeter.predictions, partition 2, cannot be "
                "read that going on would set all of them aside.",
                quiet=(_STOPPED, "0x10"),
            ),
        ),
        Alert(
            name="DriftmeterDeadLetters",
            expr=f"{without('sum', recent(series(m.AGGREGATE_DEAD_LETTERS), '1h'))} > 0",
            for_="1m",
            severity="warning",
            summary="Messages on Kafka cannot be read.",
            description="Messages set aside in the last hour ({{ $labels.reason }}): "
            '{{ printf "%.0f" $value }}.',
            example=Example(
                series={_DEAD: "_x4 2x10"},
                at="10m",
                labels={"reason": "unreadable"},
                summary="Messages on Kafka cannot be read.",
                description="Messages set aside in the last hour (unreadable): 2.",
                quiet=(_DEAD, "_x15"),
            ),
        ),
        Alert(
            name="DriftmeterRowsNotCounted",
            expr=f"{without('sum', recent(series(m.AGGREGATE_SKIPPED, _LOST_ROWS), '1h'))} > 0",
            for_="1m",
            severity="critical",
            summary="Rows are missing from reports: {{ $labels.reason }}.",
            description="Rows{{ with $labels.monitor }} of monitor {{ . }}{{ end }} that were not "
            'counted in the last hour ({{ $labels.reason }}): {{ printf "%.0f" $value }}.',
            example=Example(
                series={_UNREADABLE_REFERENCE: "_x4 500x10"},
                at="10m",
                labels={"monitor": "free-seats", "reason": "reference not readable"},
                summary="Rows are missing from reports: reference not readable.",
                description="Rows of monitor free-seats that were not counted in the last hour "
                "(reference not readable): 500.",
                quiet=(_UNREADABLE_REFERENCE, "_x15"),
            ),
        ),
        Alert(
            name="DriftmeterLogMadeAnew",
            expr=" or ".join(
                f"{without('sum', recent(series(metric), '1h'), 'partition')} > 0"
                for metric in (m.AGGREGATE_NEW_LOGS, m.CONSUME_NEW_LOGS)
            ),
            for_="1m",
            severity="critical",
            summary="Kafka has another log under an old name: {{ $labels.topic }}.",
            description="The topic {{ $labels.topic }} was deleted and made anew, or Kafka has "
            "lost its memory. It is read from its beginning; what was in the old one and had not "
            'been read is lost. Partitions: {{ printf "%.0f" $value }}.',
            example=Example(
                series={_NEW_LOG: "0x10 1x10"},
                at="15m",
                labels={"topic": "driftmeter.predictions"},
                summary="Kafka has another log under an old name: driftmeter.predictions.",
                description="The topic driftmeter.predictions was deleted and made anew, or Kafka "
                "has lost its memory. It is read from its beginning; what was in the old one and "
                "had not been read is lost. Partitions: 1.",
                quiet=(_NEW_LOG, "0x21"),
            ),
        ),
    ),
)

DETECT = Group(
    name="driftmeter-detect",
    rules=(
        Alert(
            name="DriftmeterOffsetsReset",
            expr=f"{without('sum', recent(series(m.DETECT_OFFSET_RESETS), '1h'))} > 0",
            for_="1m",
            severity="critical",
            summary="Kafka no longer had what detect had still to read.",
            description="The log no longer held the offsets that detect asked for: rows may be "
            'missing from reports. Times in the last hour: {{ printf "%.0f" $value }}.',
            example=Example(
                series={_RESETS: "0x70 1x10"},
                at="75m",
                labels={},
                summary="Kafka no longer had what detect had still to read.",
                description="The log no longer held the offsets that detect asked for: rows may "
                "be missing from reports. Times in the last hour: 1.",
                quiet=(_RESETS, "0x81"),
            ),
        ),
        Alert(
            name="DriftmeterReportsLate",
            expr=f"histogram_quantile(0.99, {_DELAY}) > 30",
            for_="15m",
            severity="warning",
            summary="Reports come late.",
            description='One report in a hundred comes more than {{ printf "%.0f" $value }} '
            "seconds after the profile that completes it.",
            example=Example(
                series={
                    _WITHIN_30_S: "0x60",
                    _WITHIN_60_S: "0+1x60",
                    _WITHIN_ANY: "0+1x60",
                },
                at="45m",
                labels={},
                summary="Reports come late.",
                description="One report in a hundred comes more than 60 seconds after the "
                "profile that completes it.",
                quiet=(_WITHIN_30_S, "0+1x60"),
            ),
        ),
        Alert(
            name="DriftmeterTooLate",
            expr=f"{without('sum', recent(series(m.DETECT_TOO_LATE), '1h'))} > 0",
            for_="1m",
            severity="warning",
            summary="Rows of monitor {{ $labels.monitor }} came too late to be reported.",
            description="Segments of monitor {{ $labels.monitor }} that came in the last hour "
            'after their window could no longer change: {{ printf "%.0f" $value }}.',
            example=Example(
                series={_TOO_LATE: "_x70 7x10"},
                at="75m",
                labels={"monitor": "free-seats"},
                summary="Rows of monitor free-seats came too late to be reported.",
                description="Segments of monitor free-seats that came in the last hour after "
                "their window could no longer change: 7.",
                quiet=(_TOO_LATE, "_x4 7x80"),
            ),
        ),
    ),
)

_PRESENT = {
    "aggregate": series(m.AGGREGATE_SEGMENTS),
    "detect": series(m.DETECT_OFFSET_RESETS),
}
"""Of each role a counter that it tells from its start. serve has none; `up` must do there."""

ROLES = Group(
    name="driftmeter-roles",
    rules=(
        Alert(
            name="DriftmeterDown",
            expr=f"up{{{JOBS}}} == 0",
            for_="5m",
            severity="critical",
            summary="{{ $labels.job }} at {{ $labels.instance }} is down.",
            description="Prometheus cannot scrape {{ $labels.instance }} of {{ $labels.job }}.",
            example=Example(
                series={'up{instance="detect-0", job="driftmeter-detect"}': "0x10"},
                at="8m",
                labels={"instance": "detect-0", "job": "driftmeter-detect"},
                summary="driftmeter-detect at detect-0 is down.",
                description="Prometheus cannot scrape detect-0 of driftmeter-detect.",
                quiet=('up{instance="detect-0", job="driftmeter-detect"}', "1x10"),
            ),
        ),
        Alert(
            name="DriftmeterRoleAbsent",
            expr="\nor\n".join(
                f'label_replace(absent({counter}), "role", "{role}", "", "")'
                for role, counter in _PRESENT.items()
            ),
            for_="10m",
            severity="critical",
            summary="There is no {{ $labels.role }}.",
            description="Prometheus has scraped no {{ $labels.role }} for ten minutes: it is not "
            "running, or is no target.",
            example=Example(
                series={
                    "driftmeter_aggregate_segments_total": "0x20",
                    _RESETS: "_x20",
                },
                at="15m",
                labels={"role": "detect"},
                summary="There is no detect.",
                description="Prometheus has scraped no detect for ten minutes: it is not "
                "running, or is no target.",
                quiet=(_RESETS, "0x20"),
            ),
        ),
    ),
)
