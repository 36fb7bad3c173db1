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
_DRIFTING = f"driftmeter_monitor_drifting{{{_MONITOR}}}"

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
    ),
)
