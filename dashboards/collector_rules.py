"""What goes wrong between the model and Kafka."""

from dashboards.rules import WINDOWS, Alert, Example, Group, Recording, burns, recent, series
from monitor.telemetry import metrics as m

CAPTURE_LOSS_BUDGET = 0.001
"""The share of captured exchanges that may be lost: an objective of 99.9 %."""

INGEST_BUDGET = 0.001
"""The share of pushes that may be answered with a fault of ours: an objective of 99.9 %."""

_AT = 'instance="collector-0"'
_LOST = f'driftmeter_collector_dropped_total{{{_AT}, reason="spool full"}}'
_DAMAGED = f"driftmeter_collector_spool_damaged_total{{{_AT}}}"
_REFUSED = f'driftmeter_collector_refused_total{{{_AT}, reason="spool full"}}'
_PUSHES_503 = f'driftmeter_collector_pushes_total{{{_AT}, code="503"}}'
_IS_OURS = 'code=~"5.."'
_TO_READ = 'reason!~"no monitor|model error"'
"""Requests of no monitor and errors of the model are nothing to read."""
_BROKEN = f'driftmeter_collector_schema_breaks_total{{{_AT}, monitor="free-seats", kind="missing"}}'
_UNREAD = f'driftmeter_collector_failed_total{{{_AT}, reason="not JSON"}}'


def _loss(window: str) -> str:
    return f"instance:driftmeter_collector_capture_loss:ratio_rate{window}"


def _record_loss(window: str) -> Recording:
    """Of what should have been captured. What is lost after its capture is in both terms, so a
    loss of all of it shows as a half: far beyond any alert either way."""
    lost = f"sum without (reason) (rate({series(m.COLLECTOR_DROPPED)}[{window}]))"
    captured = f"rate({series(m.COLLECTOR_CAPTURED)}[{window}])"
    return Recording(record=_loss(window), expr=f"{lost}\n/\n({captured} + {lost})")


def _failures(window: str) -> str:
    return f"instance:driftmeter_collector_push_failures:ratio_rate{window}"


def _record_failures(window: str) -> Recording:
    def pushes(*matchers: str) -> str:
        return f"sum without (code) (rate({series(m.COLLECTOR_PUSHES, *matchers)}[{window}]))"

    return Recording(record=_failures(window), expr=f"{pushes(_IS_OURS)}\n/\n{pushes()}")


COLLECTOR = Group(
    name="driftmeter-collector",
    rules=(
        *map(_record_loss, WINDOWS),
        Alert(
            name="DriftmeterCaptureLoss",
            expr=burns(_loss, CAPTURE_LOSS_BUDGET),
            for_="2m",
            severity="critical",
            summary="Collector {{ $labels.instance }} loses predictions.",
            description="Collector {{ $labels.instance }} lost {{ humanizePercentage $value }} of "
            "the predictions that it should have captured.",
            example=Example(
                series={
                    f"driftmeter_collector_captured_total{{{_AT}}}": "0+1000x80",
                    _LOST: "0x10 0+20x70",
                },
                at="80m",
                labels={"instance": "collector-0"},
                summary="Collector collector-0 loses predictions.",
                description="Collector collector-0 lost 1.961% of the predictions that it should "
                "have captured.",
                quiet=(_LOST, "0x10 0+5x70"),
            ),
        ),
        Alert(
            name="DriftmeterUndecodable",
            expr=f"rate({series(m.COLLECTOR_FAILED, _TO_READ)}[15m])"
            f"\n/ ignoring (reason) group_left\nrate({series(m.COLLECTOR_CAPTURED)}[15m]) > 0.01",
            for_="10m",
            severity="warning",
            summary="Collector {{ $labels.instance }} cannot read predictions.",
            description="Collector {{ $labels.instance }} cannot read "
            "{{ humanizePercentage $value }} of what it captures: {{ $labels.reason }}.",
            example=Example(
                series={
                    f"driftmeter_collector_captured_total{{{_AT}}}": "0+1000x40",
                    _UNREAD: "0+50x40",
                },
                at="30m",
                labels={"instance": "collector-0", "reason": "not JSON"},
                summary="Collector collector-0 cannot read predictions.",
                description="Collector collector-0 cannot read 5% of what it captures: not JSON.",
                quiet=(_UNREAD, "0+5x40"),
            ),
        ),
        Alert(
            name="DriftmeterSchemaBreaks",
            expr=f"""rate({series(m.COLLECTOR_SCHEMA_BREAKS, 'kind!="new"')}[15m])"""
            "\n/ ignoring (kind) group_left\nsum without (topic) "
            f"""(rate({series(m.COLLECTOR_READ, 'topic="predictions"')}[15m])) > 0.1""",
            for_="10m",
            severity="warning",
            summary="Columns of monitor {{ $labels.monitor }} are {{ $labels.kind }}.",
            description='Collector {{ $labels.instance }} reads {{ printf "%.1f" $value }} '
            "{{ $labels.kind }} values a row of monitor {{ $labels.monitor }}.",
            example=Example(
                series={
                    "driftmeter_collector_read_rows_total"
                    f'{{{_AT}, monitor="free-seats", topic="predictions"}}': "0+1000x40",
                    _BROKEN: "0+2000x40",
                },
                at="30m",
                labels={"instance": "collector-0", "monitor": "free-seats", "kind": "missing"},
                summary="Columns of monitor free-seats are missing.",
                description="Collector collector-0 reads 2.0 missing values a row of monitor "
                "free-seats.",
                quiet=(_BROKEN, "0+50x40"),
            ),
        ),
        Alert(
            name="DriftmeterPublishingStalls",
            expr=f"{series(m.COLLECTOR_SPOOL_AGE)} > 300",
            for_="5m",
            severity="warning",
            summary="Collector {{ $labels.instance }} cannot publish to Kafka.",
            description="The oldest message in the spool of collector {{ $labels.instance }} has "
            "waited {{ humanizeDuration $value }} for Kafka.",
            example=Example(
                series={f"driftmeter_collector_spool_age_seconds{{{_AT}}}": "0+60x20"},
                at="15m",
                labels={"instance": "collector-0"},
                summary="Collector collector-0 cannot publish to Kafka.",
                description="The oldest message in the spool of collector collector-0 has waited "
                "15m 0s for Kafka.",
                quiet=(f"driftmeter_collector_spool_age_seconds{{{_AT}}}", "0+1x20"),
            ),
        ),
        Alert(
            name="DriftmeterSpoolFull",
            expr=f"{series(m.COLLECTOR_SPOOL_BYTES)} / {series(m.COLLECTOR_SPOOL_LIMIT_BYTES)}"
            " > 0.8",
            for_="5m",
            severity="critical",
            summary="The spool of collector {{ $labels.instance }} is almost full.",
            description="The spool of collector {{ $labels.instance }} is "
            "{{ humanizePercentage $value }} full. When it is full, captured predictions are "
            "lost and pushes are refused.",
            example=Example(
                series={
                    f"driftmeter_collector_spool_bytes{{{_AT}}}": "900x10",
                    f"driftmeter_collector_spool_limit_bytes{{{_AT}}}": "1000x10",
                },
                at="8m",
                labels={"instance": "collector-0"},
                summary="The spool of collector collector-0 is almost full.",
                description="The spool of collector collector-0 is 90% full. When it is full, "
                "captured predictions are lost and pushes are refused.",
                quiet=(f"driftmeter_collector_spool_bytes{{{_AT}}}", "700x10"),
            ),
        ),
        Alert(
            name="DriftmeterSpoolDamaged",
            expr=f"({recent(series(m.COLLECTOR_SPOOL_DAMAGED), '1h')}) > 0",
            for_="1m",
            severity="critical",
            summary="The spool of collector {{ $labels.instance }} is damaged.",
            description="Messages in the spool of collector {{ $labels.instance }} that could not "
            'be read any more in the last hour: {{ printf "%.0f" $value }}.',
            example=Example(
                series={_DAMAGED: "0x5 3x10"},
                at="10m",
                labels={"instance": "collector-0"},
                summary="The spool of collector collector-0 is damaged.",
                description="Messages in the spool of collector collector-0 that could not be "
                "read any more in the last hour: 3.",
                quiet=(_DAMAGED, "0x16"),
            ),
        ),
        *map(_record_failures, WINDOWS),
        Alert(
            name="DriftmeterIngestFails",
            expr=burns(_failures, INGEST_BUDGET),
            for_="2m",
            severity="critical",
            summary="Collector {{ $labels.instance }} does not take what is pushed.",
            description="Collector {{ $labels.instance }} answered "
            "{{ humanizePercentage $value }} of the pushes with a fault of ours.",
            example=Example(
                series={
                    f'driftmeter_collector_pushes_total{{{_AT}, code="202"}}': "0+1000x80",
                    _PUSHES_503: "0x10 0+20x70",
                },
                at="80m",
                labels={"instance": "collector-0"},
                summary="Collector collector-0 does not take what is pushed.",
                description="Collector collector-0 answered 1.961% of the pushes with a fault of "
                "ours.",
                quiet=(_PUSHES_503, "0x10 0+5x70"),
            ),
        ),
        Alert(
            name="DriftmeterPushesRefused",
            expr=f"rate({series(m.COLLECTOR_REFUSED)}[5m]) > 0",
            for_="10m",
            severity="warning",
            summary="Collector {{ $labels.instance }} refuses pushes.",
            description="Collector {{ $labels.instance }} answers "
            '{{ printf "%.2f" $value }} pushes a second with 503: {{ $labels.reason }}.',
            example=Example(
                series={_REFUSED: "0+60x20"},
                at="15m",
                labels={"instance": "collector-0", "reason": "spool full"},
                summary="Collector collector-0 refuses pushes.",
                description="Collector collector-0 answers 1.00 pushes a second with 503: "
                "spool full.",
                quiet=(_REFUSED, "60x20"),
            ),
        ),
    ),
)
