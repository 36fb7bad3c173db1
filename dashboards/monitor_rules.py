"""What the owner of a model should hear of: drift, and that nobody would see it."""

from dashboards.rules import Alert, Example, Group, Recording, once, series, without
from monitor.telemetry import metrics as m

AGE = "monitor:driftmeter_monitor_window_age:seconds"
SPACING = "monitor:driftmeter_monitor_window_spacing:seconds1w"

_FIRST_END = without("min", f"min_over_time({series(m.MONITOR_WINDOW_END)}[1w])")
_N_CHANGES = without("max", f"changes({series(m.MONITOR_WINDOW_END)}[1w])")
_FIRING = once(m.MONITOR_ALERT_STATE, 'state="firing"')
_MONITOR = 'instance="serve-0", monitor="free-seats"'
_ALERT_STATE = f'driftmeter_monitor_alert_state{{{_MONITOR}, state="firing"}}'
_WINDOW_END = f"driftmeter_monitor_window_end_timestamp_seconds{{{_MONITOR}}}"
_IS_ERROR = 'outcome="error"'
_DRIFTING = f"driftmeter_monitor_drifting{{{_MONITOR}}}"


def _answers(*matchers: str) -> str:
    rate = f"rate({series(m.COLLECTOR_MODEL_ANSWERS, *matchers)}[15m])"
    return without("sum", rate, "outcome")


def _slow(window: str) -> str:
    """The latency that one request in twenty exceeds."""
    buckets = f"rate({series(m.COLLECTOR_MODEL_LATENCY, suffix='_bucket')}[{window}])"
    return f"histogram_quantile(0.95, {without('sum', buckets)})"


_MODEL = 'instance="collector-0", monitor="free-seats"'
_OK = f'driftmeter_collector_model_answers_total{{{_MODEL}, outcome="ok"}}'
_ERRORS = f'driftmeter_collector_model_answers_total{{{_MODEL}, outcome="error"}}'
_LATENCY = "driftmeter_collector_model_latency_seconds_bucket"
_WITHIN_100_MS = f'{_LATENCY}{{{_MODEL}, le="0.1"}}'

MODEL_SERVERS = (
    Alert(
        name="DriftmeterModelErrors",
        expr=f"{_answers(_IS_ERROR)}\n/\n{_answers()} > 0.05",
        for_="10m",
        severity="warning",
        summary="The model of monitor {{ $labels.monitor }} answers with errors.",
        description="{{ humanizePercentage $value }} of the requests to the model of monitor "
        "{{ $labels.monitor }} were answered with something else than 200 in the last 15 minutes.",
        example=Example(
            series={_OK: "0+100x40", _ERRORS: "0+25x40"},
            at="30m",
            labels={"monitor": "free-seats"},
            summary="The model of monitor free-seats answers with errors.",
            description="20% of the requests to the model of monitor free-seats were answered "
            "with something else than 200 in the last 15 minutes.",
            quiet=(_ERRORS, "0+1x40"),
        ),
    ),
    Alert(
        name="DriftmeterModelSlow",
        expr=f"{_slow('15m')}\n> 2 *\n{_slow('1d')}",
        for_="15m",
        severity="warning",
        summary="The model of monitor {{ $labels.monitor }} is slow.",
        description="One request in twenty to the model of monitor {{ $labels.monitor }} takes "
        "longer than {{ humanizeDuration $value }}, more than twice as long as in the last day.",
        example=Example(
            series={
                _WITHIN_100_MS: "0+100x280 28000x10",
                f'{_LATENCY}{{{_MODEL}, le="1.0"}}': "0+100x290",
                f'{_LATENCY}{{{_MODEL}, le="+Inf"}}': "0+100x290",
            },
            interval="5m",
            at="24h10m",
            labels={"monitor": "free-seats"},
            summary="The model of monitor free-seats is slow.",
            description="One request in twenty to the model of monitor free-seats takes longer "
            "than 955ms, more than twice as long as in the last day.",
            quiet=(_WITHIN_100_MS, "0+100x290"),
        ),
    ),
)

MONITORS = Group(
    name="driftmeter-monitors",
    rules=(
        Recording(record=AGE, expr=f"time() - {once(m.MONITOR_WINDOW_END)}"),
        # From the first window of the week to the last, over how often there was a new one.
        # A monitor without a second window has no spacing yet: 0 / 0, which alerts nobody.
        Recording(
            record=SPACING,
            expr=f"({once(m.MONITOR_WINDOW_END)} - {_FIRST_END})\n/\n{_N_CHANGES}",
        ),
        Alert(
            name="DriftmeterDrift",
            expr=f"{_FIRING} == 1",
            for_="1m",
            severity="warning",
            summary="The data of monitor {{ $labels.monitor }} drift.",
            description="The alert of monitor {{ $labels.monitor }} is firing: its windows have "
            "drifted for as long as its alerts.for says.",
            example=Example(
                series={_ALERT_STATE: "1x5"},
                at="3m",
                labels={"monitor": "free-seats", "state": "firing"},
                summary="The data of monitor free-seats drift.",
                description="The alert of monitor free-seats is firing: its windows have drifted "
                "for as long as its alerts.for says.",
                quiet=(_ALERT_STATE, "0x5"),
            ),
        ),
        Alert(
            name="DriftmeterNoWindow",
            expr=f"{AGE} > 3 * {SPACING}",
            for_="15m",
            severity="warning",
            summary="No window of monitor {{ $labels.monitor }} was reported for long.",
            description="The last window of monitor {{ $labels.monitor }} ended "
            "{{ humanizeDuration $value }} ago. That is more than three times what lay between "
            "its windows in the last week.",
            example=Example(
                series={_WINDOW_END: "0 300 600x12"},
                interval="5m",
                at="60m",
                labels={"monitor": "free-seats"},
                summary="No window of monitor free-seats was reported for long.",
                description="The last window of monitor free-seats ended 50m 0s ago. That is "
                "more than three times what lay between its windows in the last week.",
                quiet=(_WINDOW_END, "0 600x5 1800x10"),
            ),
        ),
        Alert(
            name="DriftmeterUndecided",
            expr=f"{once(m.MONITOR_ROWS)} unless {once(m.MONITOR_DRIFTING)}",
            for_="1d",
            severity="warning",
            summary="Monitor {{ $labels.monitor }} has decided nothing for a day.",
            description="Windows of monitor {{ $labels.monitor }} are reported, but whether they "
            'drift could not be decided. The last one has {{ printf "%.0f" $value }} rows.',
            example=Example(
                series={
                    f"driftmeter_monitor_rows{{{_MONITOR}}}": "12x300",
                    _DRIFTING: "_x300",
                },
                interval="5m",
                at="24h30m",
                labels={"monitor": "free-seats"},
                summary="Monitor free-seats has decided nothing for a day.",
                description="Windows of monitor free-seats are reported, but whether they drift "
                "could not be decided. The last one has 12 rows.",
                quiet=(_DRIFTING, "0x300"),
            ),
        ),
        *MODEL_SERVERS,
    ),
)
