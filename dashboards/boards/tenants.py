"""Who uses how much, of what may be used."""

from dashboards.panels import Board, Graph, Row
from dashboards.queries import Query, largest_rates, latest, rate, total
from monitor.telemetry import metrics as m

NAMESPACE = ("namespace",)
LEGEND = "{{namespace}}"

BOARD = Board(
    name="tenants",
    title="Driftmeter / Tenants",
    question="Which namespaces send how much, and does one of them crowd out the others?",
    rows=(
        Row(
            title="Quotas",
            panels=(
                Graph(
                    title="Rows over a quota",
                    description="Rows that were refused, or captured and dropped, because their "
                    "namespace sends too many.",
                    unit="ops",
                    queries=(Query(rate(m.COLLECTOR_OVER_QUOTA), "{{tenant}}"),),
                ),
                Graph(
                    title="Share of the quota",
                    description="What a namespace has of what it may have, by resource. Dashed: "
                    "nothing more is taken. One without a limit is absent.",
                    unit="percentunit",
                    queries=(
                        Query(
                            f"{latest(m.TENANT_USED)} / {latest(m.TENANT_QUOTA)}",
                            "{{tenant}} {{resource}}",
                        ),
                    ),
                    limit=1,
                ),
                Graph(
                    title="Waiting for Kafka",
                    description="Bytes of a namespace in the spools.",
                    unit="bytes",
                    queries=(
                        Query(total(m.COLLECTOR_TENANT_SPOOL_BYTES, by=("tenant",)), "{{tenant}}"),
                    ),
                ),
            ),
        ),
        Row(
            title="By namespace, as Prometheus on Kubernetes attaches it",
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
                    title="Spools on disks",
                    description="Bytes on the disks of a namespace's collectors; what was "
                    "delivered stays until its segment is full.",
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
