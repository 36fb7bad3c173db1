"""Who uses how much: by namespace, which Prometheus attaches to what it scrapes on Kubernetes."""

from dashboards.panels import Board, Graph, Row
from dashboards.queries import Query, largest_rates, rate, total
from monitor.telemetry import metrics as m

NAMESPACE = ("namespace",)
LEGEND = "{{namespace}}"

BOARD = Board(
    name="tenants",
    title="Driftmeter / Tenants",
    question="Which namespaces send how much, and does one of them crowd out the others?",
    rows=(
        Row(
            title="By namespace",
            panels=(
                Graph(
                    title="Rows published",
                    description="Rows that the collectors of a namespace handed to Kafka.",
                    unit="ops",
                    queries=(Query(rate(m.COLLECTOR_ROWS, by=NAMESPACE), LEGEND),),
                ),
                Graph(
                    title="Rows counted",
                    description="Rows that aggregate counted, by where it runs.",
                    unit="ops",
                    queries=(Query(rate(m.AGGREGATE_ROWS, by=NAMESPACE), LEGEND),),
                ),
                Graph(
                    title="Waiting on disks",
                    description="Bytes in the spools of a namespace's collectors.",
                    unit="bytes",
                    queries=(Query(total(m.COLLECTOR_SPOOL_BYTES, by=NAMESPACE), LEGEND),),
                ),
                Graph(
                    title="Refused pushes",
                    description="Pushes that were answered with 503.",
                    unit="ops",
                    queries=(Query(rate(m.COLLECTOR_REFUSED, by=NAMESPACE), LEGEND),),
                ),
            ),
        ),
        Row(
            title="By monitor",
            panels=(
                Graph(
                    title="Monitors with most rows",
                    description="The ten monitors of which most rows are counted.",
                    unit="ops",
                    queries=(Query(largest_rates(m.AGGREGATE_ROWS, "monitor"), "{{monitor}}"),),
                ),
            ),
        ),
    ),
)
