"""The one table of Driftmeter's Prometheus metrics.

Code, documentation and dashboards know a metric by its entry here and by nothing else.
"""

from monitor.telemetry.instruments import Metric, counter, gauge, histogram

STRONGEST = 20
"""How many columns, and segments, of a monitor have series of their own."""

COLLECTOR_REQUESTS = counter(
    "driftmeter_collector_requests_total",
    "Requests that passed through the proxy, by the model's answer.",
    ("code",),
)
COLLECTOR_CAPTURED = counter(
    "driftmeter_collector_captured_total", "Exchanges with the model that were captured."
)
COLLECTOR_RECORDED = counter(
    "driftmeter_collector_recorded_total",
    "Captured exchanges of whose rows all that leaves is safe in the spool.",
)
COLLECTOR_ROWS = counter(
    "driftmeter_collector_rows_total",
    "Rows published to Kafka and acknowledged by it.",
    ("monitor", "topic"),
)
COLLECTOR_DROPPED = counter(
    "driftmeter_collector_dropped_total",
    "Captured exchanges, and messages in the spool, that were lost, by reason.",
    ("reason",),
)
COLLECTOR_FAILED = counter(
    "driftmeter_collector_failed_total",
    "Captured exchanges that could not be read as predictions, by reason.",
    ("reason",),
)
COLLECTOR_UNREAD_CONNECTIONS = counter(
    "driftmeter_collector_unread_connections_total",
    "gRPC connections that were passed on without being read to their end, by reason.",
    ("reason",),
)
COLLECTOR_UNREADABLE_TIMES = counter(
    "driftmeter_collector_unreadable_times_total",
    "Requests whose event-time header was absent or unreadable; their arrival was taken instead.",
    ("monitor",),
)
COLLECTOR_SCHEMA_BREAKS = counter(
    "driftmeter_collector_schema_breaks_total",
    "Values of columns that the reference lacks (new), that came without a value (missing), or "
    "that were of another type and became missing (retyped).",
    ("monitor", "kind"),
)
COLLECTOR_READ = counter(
    "driftmeter_collector_read_rows_total",
    "Rows that were read of captures, logs and pushes.",
    ("monitor", "topic"),
)
COLLECTOR_UNSAMPLED = counter(
    "driftmeter_collector_unsampled_rows_total",
    "Rows that were read and left out, as the monitor's sample says.",
    ("monitor", "topic"),
)
COLLECTOR_MODEL_ANSWERS = counter(
    "driftmeter_collector_model_answers_total",
    "What models answered to captured requests: ok, or error for anything but 200.",
    ("monitor", "outcome"),
)
COLLECTOR_MODEL_LATENCY = histogram(
    "driftmeter_collector_model_latency_seconds",
    "How long models took to answer the captured requests that they answered with 200.",
    ("monitor",),
)
COLLECTOR_ADDED_LATENCY = histogram(
    "driftmeter_collector_added_latency_seconds",
    "Time that the proxy itself spent on a request, waiting for the model excluded.",
    (),
    (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1),
)
COLLECTOR_QUEUE_BYTES = gauge(
    "driftmeter_collector_queue_bytes", "Captured bytes that wait for decoding."
)
COLLECTOR_PUSHES = counter(
    "driftmeter_collector_pushes_total",
    "Pushes of rows, logs, captures and events, by the status of the answer.",
    ("code",),
)
COLLECTOR_REFUSED = counter(
    "driftmeter_collector_refused_total",
    "Pushes that were answered with 503, or with 429 for a quota, by reason.",
    ("reason",),
)
COLLECTOR_OVER_QUOTA = counter(
    "driftmeter_collector_over_quota_rows_total",
    "Rows that were refused, or captured and dropped, because their namespace sends too many.",
    ("tenant",),
)
COLLECTOR_TENANT_SPOOL_BYTES = gauge(
    "driftmeter_collector_tenant_spool_bytes",
    "Bytes of a namespace that wait in the spool for Kafka.",
    ("tenant",),
)
COLLECTOR_SPOOL_BYTES = gauge(
    "driftmeter_collector_spool_bytes",
    "Bytes of the spool's segments on disk; what was delivered of the last one is among them.",
)
COLLECTOR_SPOOL_LIMIT_BYTES = gauge(
    "driftmeter_collector_spool_limit_bytes", "Bytes at which the spool takes nothing more."
)
COLLECTOR_SPOOL_AGE = gauge(
    "driftmeter_collector_spool_age_seconds",
    "How long the oldest message has waited in the spool for Kafka; 0 if none waits.",
)
COLLECTOR_SPOOL_DAMAGED = counter(
    "driftmeter_collector_spool_damaged_total",
    "Messages in the spool that could not be read any more.",
)
COLLECTOR_SPOOL_TORN_BYTES = counter(
    "driftmeter_collector_spool_torn_bytes_total",
    "Bytes cut off the spool at the start: writes that a crash had left unfinished.",
)
CONSUME_LAG = gauge(
    "driftmeter_consume_lag_messages",
    "Messages of a topic that is consumed which are not in ours yet.",
    ("topic",),
)
CONSUME_NEW_LOGS = counter(
    "driftmeter_consume_new_logs_total",
    "Times that another log was found under the name of a topic that is consumed.",
    ("topic", "partition"),
)

AGGREGATE_ROWS = counter(
    "driftmeter_aggregate_rows_total", "Rows counted into profiles.", ("monitor", "topic")
)
AGGREGATE_SKIPPED = counter(
    "driftmeter_aggregate_skipped_total",
    "Rows that were read and not counted, by reason.",
    ("monitor", "reason"),
)
AGGREGATE_DEAD_LETTERS = counter(
    "driftmeter_aggregate_dead_letters_total",
    "Messages set aside because they could not be read, by reason.",
    ("reason",),
)
AGGREGATE_LAG = gauge(
    "driftmeter_aggregate_lag_messages",
    "Messages between the position and the end of a partition.",
    ("topic", "partition"),
)
AGGREGATE_LAG_SECONDS = gauge(
    "driftmeter_aggregate_lag_seconds",
    "How old the latest message read of a partition is, by its time in the log; 0 at its end.",
    ("topic", "partition"),
)
AGGREGATE_STOPPED = gauge(
    "driftmeter_aggregate_stopped_partitions",
    "1 for a partition that is not read on, because too much of it cannot be read.",
    ("topic", "partition"),
)
AGGREGATE_NEW_LOGS = counter(
    "driftmeter_aggregate_new_logs_total",
    "Times that another log was found under a topic's name: Kafka was wiped, or the topic deleted.",
    ("topic", "partition"),
)
AGGREGATE_CORRECTIONS = counter(
    "driftmeter_aggregate_corrected_labels_total",
    "Labels that replaced another one of the same prediction.",
    ("monitor",),
)
AGGREGATE_JOIN_BYTES = gauge(
    "driftmeter_aggregate_join_bytes",
    "What the label join remembers of a partition, on the disk.",
    ("partition",),
)
AGGREGATE_SEGMENTS = counter("driftmeter_aggregate_segments_total", "Segment profiles published.")

DETECT_WINDOWS = counter(
    "driftmeter_detect_windows_total", "Windows reported, by verdict.", ("verdict",)
)
DETECT_DELAY = histogram(
    "driftmeter_detect_delay_seconds",
    "From the arrival of a segment's profile to the report that contains it.",
)
DETECT_OFFSET_RESETS = counter(
    "driftmeter_detect_offset_resets_total",
    "Times that the log no longer held the offsets that the state asked for.",
)

DETECT_TOO_LATE = counter(
    "driftmeter_detect_too_late_total",
    "Segments that came after their window could no longer change.",
    ("monitor",),
)

DETECT_ALERT_RULINGS = counter(
    "driftmeter_detect_alert_rulings_total",
    "What windows made of alerts, by the alert's cause and the reason.",
    ("cause", "ruling"),
)
DETECT_ALERT_TELLINGS = counter(
    "driftmeter_detect_alert_tellings_total",
    "Decisions whether somebody is told of an alert, by the alert's cause and the reason.",
    ("cause", "telling"),
)

DETECT_EXAMINATIONS = counter(
    "driftmeter_detect_examinations_total",
    "Windows whose sampled rows were to be tested, by what came of it.",
    ("outcome",),
)

SERVER_DELIVERIES = counter(
    "driftmeter_server_deliveries_total",
    "Attempts at delivering a notification, by outcome.",
    ("kind", "outcome"),
)

SERVER_DELIVERY_DELAY = histogram(
    "driftmeter_server_delivery_delay_seconds",
    "From the decision to the first attempt at telling somebody of it.",
    ("kind",),
)

SERVER_ENDPOINTS = gauge(
    "driftmeter_server_endpoints",
    "Endpoints that monitors tell: working, failing, or disabled after having failed for days.",
    ("state",),
)

TENANT_USED = gauge(
    "driftmeter_tenant_used",
    "What a namespace has, by resource: monitors, and columns of their references.",
    ("tenant", "resource"),
)
TENANT_QUOTA = gauge(
    "driftmeter_tenant_quota",
    "What a namespace may have, by resource; absent where it has no limit.",
    ("tenant", "resource"),
)
MONITOR_ROWS = gauge("driftmeter_monitor_rows", "Rows in the last reported window.", ("monitor",))
MONITOR_EVIDENCE = gauge(
    "driftmeter_monitor_evidence",
    "Accumulated evidence of drift after the last reported window.",
    ("monitor",),
)
MONITOR_EVIDENCE_THRESHOLD = gauge(
    "driftmeter_monitor_evidence_threshold",
    "The evidence at which drift is declared; it follows from the false-alarm budget.",
    ("monitor",),
)
MONITOR_DRIFTING = gauge(
    "driftmeter_monitor_drifting",
    "1 if the last reported window drifts, 0 if it is quiet; absent while undecided.",
    ("monitor",),
)
MONITOR_PAUSED = gauge(
    "driftmeter_monitor_paused",
    "1 while the monitor is paused: its rows are counted, and nothing is decided of them.",
    ("monitor",),
)
MONITOR_ALERT_STATE = gauge(
    "driftmeter_monitor_alert_state",
    "1 for the state that the monitor's latest alert is in.",
    ("monitor", "state"),
)
MONITOR_ALERT_START = gauge(
    "driftmeter_monitor_alert_start_timestamp_seconds",
    "Since when the monitor's alert is open; absent while none is.",
    ("monitor",),
)
MONITOR_RETRAINS = gauge(
    "driftmeter_monitor_retrains",
    "Retrains of the monitor that were ever asked for, by the state that each is in.",
    ("monitor", "state"),
)
MONITOR_COLUMN_EFFECT = gauge(
    "driftmeter_monitor_column_effect",
    "Size of a column's change: Wasserstein distance in reference standard deviations for "
    "numeric columns, total variation distance for categories. The strongest columns only.",
    ("monitor", "column", "unit"),
)
MONITOR_COLUMN_MISSING = gauge(
    "driftmeter_monitor_column_missing_ratio",
    "Share of a column's values that are missing in the last window. The strongest columns only.",
    ("monitor", "column"),
)
MONITOR_COLUMN_P_VALUE = gauge(
    "driftmeter_monitor_column_p_value",
    "p-value of a column's change in the last window alone, adjusted for what the column is looked "
    "at for. The strongest columns only.",
    ("monitor", "column"),
)
MONITOR_COLUMN_EVIDENCE = gauge(
    "driftmeter_monitor_column_evidence_ratio",
    "A column's share of the monitor's evidence. Of the strongest columns; that of all others "
    "together has no column.",
    ("monitor", "column"),
)
MONITOR_SEGMENT_SHARE = gauge(
    "driftmeter_monitor_segment_ratio",
    "Share of the last window's rows in which a column has a value. The segments in which most "
    "columns moved only.",
    ("monitor", "column", "value"),
)
MONITOR_SEGMENT_MOVED = gauge(
    "driftmeter_monitor_segment_moved_columns",
    "Columns that surely differ from the reference's among the rows in which a column has a value. "
    "The segments in which most moved only.",
    ("monitor", "column", "value"),
)
MONITOR_QUALITY = gauge(
    "driftmeter_monitor_quality_ratio",
    "Share of the last window's rows with a fault, in the column that has most of them.",
    ("monitor", "fault"),
)
MONITOR_OUTLIERS = gauge(
    "driftmeter_monitor_outlier_ratio",
    "Share of the last window's rows flagged as outliers.",
    ("monitor",),
)
MONITOR_EXPECTED = gauge(
    "driftmeter_monitor_expected_performance",
    "Performance expected of the model in the last window, without labels.",
    ("monitor", "metric"),
)
MONITOR_REALISED = gauge(
    "driftmeter_monitor_realised_performance",
    "Performance of the model in the latest window that has labels.",
    ("monitor", "metric"),
)
MONITOR_EXPECTED_BOUND = gauge(
    "driftmeter_monitor_expected_performance_bound",
    "The 95 % interval of the expected performance.",
    ("monitor", "metric", "bound"),
)
MONITOR_ESTIMATE_ERROR = gauge(
    "driftmeter_monitor_expected_performance_error",
    "Expected less realised performance, in the latest window that has labels.",
    ("monitor", "metric"),
)
MONITOR_REFERENCE_PERFORMANCE = gauge(
    "driftmeter_monitor_reference_performance",
    "Performance of the model in the reference.",
    ("monitor", "metric"),
)
MONITOR_REALISED_BOUND = gauge(
    "driftmeter_monitor_realised_performance_bound",
    "The 95 % interval of the realised performance.",
    ("monitor", "metric", "bound"),
)
MONITOR_LABEL_COVERAGE = gauge(
    "driftmeter_monitor_label_coverage_ratio",
    "Share of predictions with a label, in the latest window that has labels.",
    ("monitor",),
)
MONITOR_VERSION_ROWS = gauge(
    "driftmeter_monitor_model_version_rows",
    "Rows of the last reported window by the version of the model that answered, where predictions "
    "say which. The most used versions only.",
    ("monitor", "version"),
)
MONITOR_WINDOW_END = gauge(
    "driftmeter_monitor_window_end_timestamp_seconds",
    "End of the last reported window, event time.",
    ("monitor",),
)
MONITOR_WINDOW_SECONDS = gauge(
    "driftmeter_monitor_window_seconds", "Length of the last reported window.", ("monitor",)
)

TABLE: tuple[Metric, ...] = tuple(m for m in list(globals().values()) if isinstance(m, Metric))
