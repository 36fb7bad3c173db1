"""Who was told of what, and what became of it."""

from dashboards.boards import shared
from dashboards.panels import Board, Graph, Row
from dashboards.queries import Query, increase, latest, quantile
from monitor.telemetry import metrics as m

RULINGS = Row(
    title="Alerts",
    panels=(
        shared.ALERTS,
        Graph(
            title="What windows made of alerts",
            description="By the alert's cause and the reason, from a closed list. Windows in which "
            "there was nothing are left out.",
            unit="short",
            queries=(
                Query(
                    increase(m.DETECT_ALERT_RULINGS, 'ruling!="nothing there"'),
                    "{{cause}}: {{ruling}}",
                ),
            ),
        ),
        Graph(
            title="Whether somebody was told",
            description="Decisions to tell of an alert or not, by its cause and the reason: a "
            "silence, an outage of the data that explains it, and so on.",
            unit="short",
            queries=(Query(increase(m.DETECT_ALERT_TELLINGS), "{{cause}}: {{telling}}"),),
        ),
        Graph(
            title="Retrains",
            description="Retrains that were ever asked for, by the state that each is in.",
            unit="short",
            queries=(Query(latest(m.MONITOR_RETRAINS), "{{monitor}} {{state}}"),),
        ),
    ),
)

DELIVERIES = Row(
    title="Notifications",
    panels=(
        Graph(
            title="Attempts at delivery",
            description="Attempts at delivering alerts and retrain requests, by outcome.",
            unit="short",
            queries=(Query(increase(m.SERVER_DELIVERIES), "{{kind}} {{outcome}}"),),
        ),
        Graph(
            title="From decision to first attempt",
            description="How long a notification waits until somebody is first called.",
            unit="s",
            queries=(
                Query(quantile(m.SERVER_DELIVERY_DELAY, 0.5), "median"),
                Query(quantile(m.SERVER_DELIVERY_DELAY, 0.99), "99 %"),
            ),
        ),
        Graph(
            title="Endpoints",
            description="Those that monitors tell; one that is disabled is called no more.",
            unit="short",
            queries=(Query(latest(m.SERVER_ENDPOINTS), "{{state}}"),),
        ),
    ),
)

BOARD = Board(
    name="alerts",
    title="Driftmeter / Alerts and retrains",
    question="Who was told of what, why, and did the retrain that was asked for happen?",
    rows=(RULINGS, DELIVERIES),
)
