"""Panels that stand on more than one board."""

from dashboards.panels import Bars, Graph, States
from dashboards.queries import Query, latest, selected
from monitor.telemetry import metrics as m

OF_THE_MODEL = 'column!~"|dm[.].*"'
"""Without what all other columns are together, and without the scores that we make."""


def _in_state(state: str) -> str:
    return selected(m.MONITOR_ALERT_STATE, f'state="{state}"')


def alert(state: str) -> str:
    """1 for each monitor whose alert is in a state."""
    return f"max by (monitor) ({_in_state(state)})"


ALERT = (
    f"max by (monitor) ({_in_state('firing')} * 2 or {_in_state('pending')} "
    f"or {_in_state('resolved')} * 0)"
)
"""Of each monitor's alert: 0 if it is resolved, 1 pending, 2 firing."""

VERDICTS = States(
    title="Verdict of the last window",
    description="Whether the last reported window of each monitor drifts. A gap means "
    "that nothing was decided: too few rows, or no predictions at all.",
    query=Query(latest(m.MONITOR_DRIFTING), "{{monitor}}"),
    names=((0, "quiet", "green"), (1, "drift", "red")),
)

ALERTS = States(
    title="Alerts",
    description="The state of each monitor's latest alert. A monitor that never alerted is absent.",
    query=Query(ALERT, "{{monitor}}"),
    names=((0, "resolved", "green"), (1, "pending", "orange"), (2, "firing", "red")),
)

EVIDENCE = Graph(
    title="Evidence of drift",
    description="Accumulated evidence, and the dashed line at which drift is declared. "
    "The line follows from the false-alarm budget.",
    unit="short",
    queries=(
        Query(latest(m.MONITOR_EVIDENCE), "{{monitor}}"),
        Query(latest(m.MONITOR_EVIDENCE_THRESHOLD), "{{monitor}} threshold"),
    ),
    dashed=".* threshold$",
    scale="log",
)

ROWS = Graph(
    title="Rows",
    description="Predictions in the last reported window.",
    unit="short",
    queries=(Query(latest(m.MONITOR_ROWS), "{{monitor}}"),),
)

AGE = Graph(
    title="Age of the last window",
    description="Time since the end of the last reported window. It grows when "
    "predictions stop coming, or when the service falls behind.",
    unit="s",
    queries=(Query(f"time() - {latest(m.MONITOR_WINDOW_END)}", "{{monitor}}"),),
)

NUMBERS = Graph(
    title="Change of numeric columns",
    description="Wasserstein distance between the window and the reference, in standard "
    "deviations of the reference.",
    unit="short",
    queries=(
        Query(
            latest(m.MONITOR_COLUMN_EFFECT, 'unit="sd"', OF_THE_MODEL, by=("monitor", "column")),
            "{{monitor}} {{column}}",
        ),
    ),
    first="largest",
)

CATEGORIES = Graph(
    title="Change of categories",
    description="Total variation distance between the window and the reference: the "
    "share of rows that would have to change category.",
    unit="percentunit",
    queries=(
        Query(
            latest(m.MONITOR_COLUMN_EFFECT, 'unit="share"', by=("monitor", "column")),
            "{{monitor}} {{column}}",
        ),
    ),
    first="largest",
)

MISSING = Graph(
    title="Missing values",
    description="Share of a column's values that are missing in the last window.",
    unit="percentunit",
    queries=(Query(latest(m.MONITOR_COLUMN_MISSING, OF_THE_MODEL), "{{monitor}} {{column}}"),),
    first="largest",
)

OUTLIERS = Graph(
    title="Outliers",
    description="Share of the last window's rows that are unlike the reference's.",
    unit="percentunit",
    queries=(Query(latest(m.MONITOR_OUTLIERS), "{{monitor}}"),),
)

PERFORMANCE = Graph(
    title="Expected and realised performance",
    description="What the model's inputs let expect (dashed), and what the labels show "
    "once they are there. For an error such as mae higher is worse, for accuracy lower.",
    unit="short",
    queries=(
        Query(latest(m.MONITOR_REALISED), "{{monitor}} {{metric}}"),
        Query(latest(m.MONITOR_EXPECTED), "{{monitor}} {{metric}} expected"),
    ),
    dashed=".* expected$",
)

LABELS = Graph(
    title="Labels",
    description="Share of predictions whose label has come, in the latest window with labels.",
    unit="percentunit",
    queries=(Query(latest(m.MONITOR_LABEL_COVERAGE), "{{monitor}}"),),
)

SHARES = Graph(
    title="Share of the evidence",
    description="How much of the monitor's evidence each of its strongest columns is; the one "
    "without a name is all the others together. Of ours are dm.outlier, how unusual a row is, "
    "dm.error and dm.expected_error, how far the model is off.",
    unit="percentunit",
    queries=(Query(latest(m.MONITOR_COLUMN_EVIDENCE), "{{monitor}} {{column}}"),),
    first="largest",
)

SHARE_OF_THRESHOLD = f"{latest(m.MONITOR_EVIDENCE)} / {latest(m.MONITOR_EVIDENCE_THRESHOLD)}"

MOVED = (
    latest(m.MONITOR_COLUMN_EVIDENCE, OF_THE_MODEL)
    + " * on (monitor) group_left () "
    + f"clamp_max({SHARE_OF_THRESHOLD}, 1) > 0.01"
)
"""A column's share of the evidence that declares drift, of those that have any."""

STRONGEST = Bars(
    title="Columns that moved, now",
    description="Each column's share of the evidence that declares drift, in its monitor's last "
    "window. Empty while nothing drifts.",
    unit="percentunit",
    query=Query(f"topk(10, {MOVED})", "{{monitor}} {{column}}"),
    most=1.0,
    empty="nothing moved",
)
