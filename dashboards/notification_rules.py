"""What goes wrong between a decision and the people who are told of it."""

from dashboards.rules import Alert, Example, Group, Recording, once, recent, series, without
from monitor.telemetry import metrics as m

DELIVERIES = "kind_outcome:driftmeter_server_deliveries:increase1h"
DELIVERY_FAILURES = "kind:driftmeter_server_delivery_failures:ratio_increase1h"

_DELIVERED, _RETRIED, _FAILED = (
    f'driftmeter_server_deliveries_total{{instance="serve-0", kind="alert", outcome="{outcome}"}}'
    for outcome in ("delivered", "retry", "failed")
)
_DISABLED = 'driftmeter_server_endpoints{instance="serve-0", state="disabled"}'

NOTIFICATIONS = Group(
    name="driftmeter-notifications",
    rules=(
        Recording(
            record=DELIVERIES,
            expr=without("sum", recent(series(m.SERVER_DELIVERIES), "1h")),
        ),
        Recording(
            record=DELIVERY_FAILURES,
            expr=f'sum without (outcome) ({DELIVERIES}{{outcome!="delivered"}})\n/\n'
            f"sum without (outcome) ({DELIVERIES})",
        ),
        Alert(
            name="DriftmeterNotificationLost",
            expr=f'{DELIVERIES}{{outcome=~"failed|gone|exhausted"}} > 0',
            for_="1m",
            severity="critical",
            summary="Somebody was not told: a notification was given up.",
            description="Notifications ({{ $labels.kind }}) given up in the last hour, because the "
            'endpoint does not take them ({{ $labels.outcome }}): {{ printf "%.0f" $value }}.',
            example=Example(
                series={_FAILED: "_x4 1x10"},
                at="10m",
                labels={"kind": "alert", "outcome": "failed"},
                summary="Somebody was not told: a notification was given up.",
                description="Notifications (alert) given up in the last hour, because the "
                "endpoint does not take them (failed): 1.",
                quiet=(_FAILED, "_x15"),
            ),
        ),
        Alert(
            name="DriftmeterEndpointDisabled",
            expr=once(m.SERVER_ENDPOINTS, 'state="disabled"') + " > 0",
            for_="1m",
            severity="critical",
            summary="Endpoints are called no more.",
            description='{{ printf "%.0f" $value }} endpoints have failed for days and are called '
            "no more: what monitors tell them waits.",
            example=Example(
                series={_DISABLED: "0x4 1x10"},
                at="10m",
                labels={"state": "disabled"},
                summary="Endpoints are called no more.",
                description="1 endpoints have failed for days and are called no more: what "
                "monitors tell them waits.",
                quiet=(_DISABLED, "0x15"),
            ),
        ),
        Alert(
            name="DriftmeterDeliveriesFail",
            expr=f"{DELIVERY_FAILURES} > 0.5",
            for_="15m",
            severity="warning",
            summary="Notifications do not arrive.",
            description="{{ humanizePercentage $value }} of the attempts at delivery "
            "({{ $labels.kind }}) failed in the last hour.",
            example=Example(
                series={_DELIVERED: "1x30", _RETRIED: "_ 3x30"},
                at="25m",
                labels={"kind": "alert"},
                summary="Notifications do not arrive.",
                description="75% of the attempts at delivery (alert) failed in the last hour.",
                quiet=(_RETRIED, "_ 1x30"),
            ),
        ),
    ),
)
