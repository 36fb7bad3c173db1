"""The SQL schema: what the service remembers, in SQLite or PostgreSQL.

Times are seconds since 1970. Documents and reports are JSON; profiles and evidence are bytes.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

SCHEMA_VERSION = 1

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

monitors = Table(
    # Every revision of every monitor. The largest revision of a name is the one in force.
    "monitors",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("document", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("reference_id", String(80)),
    Column("fields", JSON),
    Column("created_at", Double, nullable=False),
)

owners = Table(
    # Who may write the state of a role. A writer whose epoch is not the latest is refused.
    "owners",
    metadata,
    Column("role", String(32), primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("holder", String(200), nullable=False),
    Column("expires_at", Double, nullable=False),
)

offsets = Table(
    # Up to where the log is contained in this state: the next offset to read, and which log it is
    # of, for another one may come under its name.
    "offsets",
    metadata,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    Column("log", String(36), nullable=False, server_default=""),
)

segments = Table(
    # The latest version of every segment's profile, until its windows can no longer change.
    "segments",
    metadata,
    Column("monitor", String(63), primary_key=True),
    Column("reference_id", String(80), primary_key=True),
    Column("pane_start", Double, primary_key=True),
    Column("pane_s", Double, primary_key=True),
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("model_version", String(63), primary_key=True),
    Column("log", String(36), primary_key=True),
    # 0 of all rows; n of those in the reference's nth segment.
    Column("subset", Integer, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("through", BigInteger, nullable=False),
    # That was in force when the segment was first heard of.
    Column("monitor_revision", Integer, nullable=False),
    Column("profile", LargeBinary, nullable=False),
)

too_late = Table(
    # Rows that came when their window could no longer change, as they lie in the log.
    "too_late",
    metadata,
    Column("monitor", String(63), primary_key=True),
    Column("reference_id", String(80), primary_key=True),
    Column("pane_start", Double, primary_key=True),
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("model_version", String(63), primary_key=True),
    Column("log", String(36), primary_key=True),
    Column("n_rows", BigInteger, nullable=False),
)

watermarks = Table(
    # How far the rows of every source have come, partition by partition.
    "watermarks",
    metadata,
    Column("monitor", String(63), primary_key=True),
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("event_time", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
)

evidence = Table(
    # The e-detector's state after the last closed window of each series of windows.
    "evidence",
    metadata,
    Column("monitor", String(63), primary_key=True),
    Column("reference_id", String(80), primary_key=True),
    Column("window_s", Double, primary_key=True),
    Column("phase_s", Double, primary_key=True),
    Column("rows", BigInteger, primary_key=True),
    Column("through", Double, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

past_windows = Table(
    # Profiles of closed windows, of monitors that compare windows with those before them.
    "past_windows",
    metadata,
    Column("monitor", String(63), primary_key=True),
    Column("reference_id", String(80), primary_key=True),
    Column("window_s", Double, primary_key=True),
    Column("window_start", Double, primary_key=True),
    Column("profile", LargeBinary, nullable=False),
)

reports = Table(
    # One row a window; a late label writes it again with the next revision. The stretches of the
    # log of which it was decided, and of which the present revision was made, are named with it.
    "reports",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("monitor", String(63), nullable=False),
    Column("window_s", Double, nullable=False),
    Column("window_start", Double, nullable=False),
    Column("window_end", Double, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("reference_id", String(80), nullable=False),
    Column("monitor_revision", Integer, nullable=False),
    Column("evidence_before", LargeBinary),
    Column("decided_of", JSON),
    Column("made_of", JSON),
    Column("decision", JSON, nullable=False),
    Column("body", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Index("reports_by_window", "monitor", "window_s", "window_start"),
)

decided_reports = Table(
    # The first revision of every report that has later ones.
    "decided_reports",
    metadata,
    Column("report", String(64), primary_key=True),
    Column("monitor", String(63), nullable=False),
    Column("body", JSON, nullable=False),
)

figures = Table(
    # Of every report what lists and pictures need, next to each other on the disk.
    "figures",
    metadata,
    Column("monitor", String(63), primary_key=True),
    Column("window_s", Double, primary_key=True),
    Column("window_start", Double, primary_key=True),
    Column("report", String(64), primary_key=True),
    Column("window_end", Double, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("n_rows", BigInteger, nullable=False),
    Column("evidence", Double, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("outlier_share", Double),
    Column("expected", Double),
    Column("expected_low", Double),
    Column("expected_high", Double),
    Column("realised", Double),
    Column("realised_low", Double),
    Column("realised_high", Double),
    sqlite_with_rowid=False,
)

scraped = Table(
    # What a scrape shows of each monitor's last window of a length, and of the last with labels.
    "scraped",
    metadata,
    Column("monitor", String(63), primary_key=True),
    Column("window_s", Double, primary_key=True),
    Column("is_labelled", Boolean, primary_key=True),
    Column("window_start", Double, nullable=False),
    Column("report", String(64), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("format", String(16), nullable=False),
    Column("lines", JSON, nullable=False),
)

examinations = Table(
    # What tests of rows said of a window. Its profile, with the rows, is there until they have.
    "examinations",
    metadata,
    Column("report", String(64), primary_key=True),
    Column("monitor", String(63), nullable=False),
    Column("reference_id", String(80), nullable=False),
    Column("asked", JSON, nullable=False),
    Column("n_rows", BigInteger, nullable=False),
    Column("is_waiting", Boolean, nullable=False, index=True),
    Column("profile", LargeBinary),
    Column("said", JSON),
    Column("queued_at", Double, nullable=False),
)

alerts = Table(
    # Every alert that ever was. `told` is the state that people know of, `told_to` who they are;
    # an alert is settled when nobody has to be told anything more of it for now. `telling` is why
    # they were told, or were not.
    "alerts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("monitor", String(63), nullable=False, index=True),
    Column("cause", String(32), nullable=False),
    Column("rule", String(63), nullable=False, default=""),
    Column("window_s", Double, nullable=False),
    Column("severity", String(16), nullable=False, default="warning"),
    Column("state", String(16), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("firing_at", Double),
    Column("resolved_at", Double),
    Column("is_settled", Boolean, nullable=False, default=True, index=True),
    Column("telling", String(32)),
    Column("told", String(16)),
    Column("told_to", JSON),
    Column("body", JSON, nullable=False),
)

silences = Table(
    # When people do not want to be told. One that was ended early ends then.
    "silences",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("matchers", JSON, nullable=False),
    Column("weekly", JSON),
    Column("starts_at", Double, nullable=False),
    Column("ends_at", Double, nullable=False, index=True),
    Column("comment", Text, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("namespaces", JSON(none_as_null=True)),  # of whose alerts; of all where there are none
)

outbox = Table(
    # Notifications to deliver, written in the transaction of the decision that caused them.
    # One row is one notification for one place; `place` is the endpoint that its target means.
    "outbox",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("monitor", String(63), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("endpoint", String(80), nullable=False),
    Column("place", String(64), nullable=False),
    Column("target", JSON, nullable=False),
    Column("alert", String(64)),
    Column("at", Double, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("traceparent", String(55)),
    Column("state", String(16), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("next_attempt_at", Double, nullable=False),
    Column("n_attempts", Integer, nullable=False),
    Column("n_failed", Integer, nullable=False),
    Index("outbox_due", "state", "next_attempt_at"),
    Index("outbox_order", "place", "alert", "at"),
)

endpoints = Table(
    # How every place that was called has fared: whether it fails, and whether it is called at all.
    "endpoints",
    metadata,
    Column("place", String(64), primary_key=True),
    Column("target", JSON, nullable=False),
    Column("n_failed", Integer, nullable=False),
    Column("failing_since", Double),
    Column("disabled_at", Double),
    Column("reason", Text),
)

attempts = Table(
    # Every attempt at a delivery, kept and visible.
    "attempts",
    metadata,
    Column("delivery", String(64), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("duration_s", Double, nullable=False),
    Column("status", Integer),
    Column("outcome", String(16), nullable=False),
    Column("detail", Text, nullable=False),
)

subscriptions = Table(
    # Who wants to be asked for retrains of many monitors, declared apart from them.
    "subscriptions",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("document", JSON, nullable=False),
    Column("updated_at", Double, nullable=False),
)

retrains = Table(
    # One request an incident, and what became of it. `at` is event time.
    "retrains",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("monitor", String(63), nullable=False),
    Column("subscription", String(63), nullable=False),
    Column("alert", String(64), nullable=False),
    Column("at", Double, nullable=False),
    Column("state", String(24), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("event", JSON, nullable=False),
    Column("history", JSON, nullable=False),
    Column("promoted", JSON),
    Column("created_at", Double, nullable=False),
    Column("sent_at", Double),
    Column("published_at", Double),
    Column("answer_by", Double),
    Column("look_at", Double),
    Index("retrains_of_monitor", "monitor", "at"),
    Index("retrains_by_state", "state"),
)

retrain_windows = Table(
    # The latest windows in which a cause was there, of monitors that ask only after several.
    "retrain_windows",
    metadata,
    Column("monitor", String(63), primary_key=True),
    Column("cause", String(32), primary_key=True),
    Column("window_s", Double, primary_key=True),
    Column("window_end", Double, primary_key=True),
)

retrain_decisions = Table(
    # What every subscription answered last, so that somebody can ask why nothing was asked for.
    "retrain_decisions",
    metadata,
    Column("monitor", String(63), primary_key=True),
    Column("subscription", String(63), primary_key=True),
    Column("alert", String(64), nullable=False),
    Column("at", Double, nullable=False),
    Column("answer", String(40), nullable=False),
)

tokens = Table(
    # Who may call the API, and as what. Of the secret only its digest is known.
    "tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("role", String(16), nullable=False),
    Column("namespaces", JSON(none_as_null=True)),  # that it is for; for all where there are none
    Column("created_by", String(200), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("last_used_at", Double),
)

audit = Table(
    # Every change that somebody asked for. Without a status, the process died over it.
    "audit",
    metadata,
    Column("n", Integer, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("who", String(200), nullable=False),
    Column("role", String(16), nullable=False),
    Column("via", String(16), nullable=False),
    Column("address", String(64)),
    Column("method", String(16), nullable=False),
    Column("path", String(500), nullable=False),
    Column("what", String(200)),
    Column("status", Integer),
)

repeats = Table(
    # Changes that were asked for with a key, and how they were answered, for a day.
    "repeats",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("at", Double, nullable=False, index=True),
    Column("status", Integer),
    Column("media_type", String(200)),
    Column("body", LargeBinary),
)
