"""What the API answers, as types: the client gives them, and OpenAPI describes them.

Moments are RFC 3339, None where there is none. Of what a report holds, see `reported`.
"""

from typing import Any, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict  # of `typing` pydantic takes it from Python 3.12 on

from monitor.apply.reported import Report, RetrainResult, Shift, Verdict

Item = TypeVar("Item")

MonitorStatus = Literal["resolving", "active", "failed", "deleted"]
AlertState = Literal["pending", "firing", "resolved"]


class Items(TypedDict, Generic[Item]):
    items: list[Item]


class ReferenceInForce(TypedDict):
    id: str | None


class Moved(TypedDict):
    """A column that an alert names, and from what to what it moved."""

    name: str
    role: str
    what: str
    reference: float | None
    current: float | None
    effect: float | None
    effect_unit: str
    share: NotRequired[float | None]


class Measured(TypedDict):
    """What a threshold was set on."""

    statistic: str
    column: str | None
    value: float | None
    limit: float


class Alert(TypedDict):
    """told: the state that people know of. telling: why they were told, or were not."""

    id: str
    monitor: str
    cause: str
    rule: str
    severity: str
    state: AlertState
    telling: str | None
    told: str | None
    started_at: str
    updated_at: str
    firing_at: str | None
    resolved_at: str | None
    window: dict[str, str]
    reason: str | None
    ruling: str | None
    evidence: float | None
    threshold: float | None
    columns: list[Moved] | None
    shift: Shift | None
    because: str | None
    measured: Measured | None
    probable_cause: str | None


class Monitor(TypedDict):
    """reason: why its reference could not be fitted, or how far that has come.
    active_revision, reference: what is in force. state: what its last window says.
    document: as declared."""

    name: str
    labels: dict[str, str]
    status: MonitorStatus
    reason: str | None
    revision: int
    active_revision: int | None
    reference: ReferenceInForce | None
    state: Verdict | None
    document: dict[str, Any]
    last_report: Report | None
    alert: Alert | None


class MonitorPage(TypedDict):
    """next: `after` of the next page, None on the last."""

    items: list[Monitor]
    next: str | None


class Declared(TypedDict):
    name: str
    revision: int
    status: MonitorStatus


class Revision(TypedDict):
    revision: int
    status: MonitorStatus
    reason: str | None
    reference: ReferenceInForce | None
    created_at: str
    document: dict[str, Any]


class Figures(TypedDict):
    """Of one window. expected, realised: of the model's main metric."""

    report: str
    start: str
    end: str
    seconds: float
    verdict: Verdict
    n_rows: int
    evidence: float
    threshold: float
    outlier_share: float | None
    expected: float | None
    expected_interval: list[float] | None
    realised: float | None
    realised_interval: list[float] | None


class Attempt(TypedDict):
    """status: of HTTP, None without an answer."""

    n: int
    at: str
    duration_s: float
    status: int | None
    outcome: str
    detail: str


class Delivery(TypedDict):
    """payload: the CloudEvent that is told."""

    id: str
    monitor: str
    kind: str
    endpoint: str
    url: str | None
    alert: str | None
    state: str
    created_at: str
    next_attempt_at: str | None
    payload: dict[str, Any]
    attempts: list[Attempt]


class TellingPlace(TypedDict):
    monitor: str
    name: str


class Endpoint(TypedDict):
    """waiting: deliveries that have yet to arrive."""

    id: str
    kind: str
    url: str | None
    told_by: list[TellingPlace]
    state: Literal["working", "failing", "disabled"]
    reason: str | None
    failures: int
    failing_since: str | None
    disabled_at: str | None
    waiting: int


class Silence(TypedDict):
    """namespaces: of whose alerts, None of all. weekly: days, from, to and timezone."""

    id: str
    state: Literal["pending", "active", "ended"]
    matchers: list[str]
    namespaces: list[str] | None
    weekly: dict[str, Any] | None
    starts_at: str
    ends_at: str | None
    comment: str
    created_by: str
    created_at: str


class Promotion(TypedDict):
    at: str | None
    model_version: str | None
    revision: int | None
    result: RetrainResult | None


class Retrain(TypedDict):
    """request: the CloudEvent that asked for it. history: its states, with what was said."""

    id: str
    monitor: str
    subscription: str
    alert: str
    cause: str
    state: str
    at: str
    created_at: str
    sent_at: str | None
    answer_by: str | None
    history: list[dict[str, Any]]
    promoted: Promotion | None
    request: dict[str, Any]


class Used(TypedDict):
    monitors: int
    columns: int
    reports: int


class Quota(TypedDict):
    """None is no limit. spool: bytes."""

    monitors: int | None
    columns: int | None
    rows_per_second: float | None
    spool: int | None
    reports: int | None


class Namespace(TypedDict):
    name: str
    used: Used
    quota: Quota


class Subscription(TypedDict):
    """A RetrainSubscription, as declared."""

    apiVersion: str
    kind: str
    metadata: dict[str, Any]
    spec: dict[str, Any]


class RetrainDecision(TypedDict):
    """What a subscription answered last when an alert asked whether to retrain."""

    monitor: str
    subscription: str
    alert: str
    at: str
    answer: str


class Taken(TypedDict):
    """What became of news of a retrain. revision: of the monitor, if a new reference made one."""

    id: str
    state: str
    changed: bool
    revision: int | None


class Tried(TypedDict):
    """Ids of the deliveries by which a channel is tried."""

    deliveries: list[str]


class DeadLetter(TypedDict):
    """source: where it lay, topic/partition/offset. begins: of its bytes, without control codes."""

    id: str
    at: str
    monitor: str | None
    source: str
    reason: str
    can_go_back: bool
    bytes: int
    begins: str


class SentBack(TypedDict):
    """Ids of dead letters."""

    sent: list[str]


class OutlyingValue(TypedDict):
    name: str
    share: float
    value: float | str | None


class OutlyingRow(TypedDict):
    """columns: those that make it outlying, with their shares of the score."""

    id: str
    time: str
    p_value: float
    score: float
    columns: list[OutlyingValue]


class Token(TypedDict):
    """What is known of a token. namespaces: whose monitors it opens, None for all."""

    id: str
    name: str
    role: Literal["viewer", "operator", "admin"]
    namespaces: list[str] | None
    state: Literal["active", "expired", "revoked"]
    created_by: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None


class NewToken(Token):
    """With its secret, which is shown once."""

    token: str


class Change(TypedDict):
    """A change that somebody asked for. status: of HTTP, None while it is under way."""

    n: int
    at: str
    who: str
    role: str
    via: str
    address: str | None
    what: str | None
    method: str
    path: str
    status: int | None
