"""A window's report as the API answers it: that of `detectors.report`, in JSON.

What the fields mean is said there. What is not required is added when it is known, or was not told
by the version that wrote the report.
"""

from typing import Literal, NotRequired

from typing_extensions import TypedDict  # of `typing` pydantic takes it from Python 3.12 on

Verdict = Literal["quiet", "drift", "undecided"]
Shift = Literal[
    "data quality", "covariate shift", "prediction shift", "concept shift", "correlation shift"
]


class Window(TypedDict):
    """start, end: RFC 3339, event time."""

    start: str
    end: str
    seconds: float


class Distribution(TypedDict):
    bars: list[str]
    reference: list[float]
    current: list[float]
    edges: NotRequired[list[float]]


class Summary(TypedDict):
    n: int
    missing: float
    mean: float | None
    quantiles: dict[str, float] | None
    shares: dict[str, float] | None


class Column(TypedDict):
    name: str
    type: str
    role: str
    reference: Summary
    current: Summary
    unseen: float
    statistics: dict[str, float]
    effect: float | None
    effect_unit: str
    p_value: float | None
    evidence_share: float
    named: bool
    distribution: Distribution
    intervals: NotRequired[dict[str, list[float]]]


class Outliers(TypedDict):
    n_scored: int
    n_flagged: int
    false_discovery_rate: float
    causes: NotRequired[dict[str, float]]


class Performance(TypedDict):
    metric: str
    value: float | None
    reference: float | None
    n: int
    others: dict[str, float]
    coverage: NotRequired[float | None]
    interval: NotRequired[list[float] | None]
    intervals: NotRequired[dict[str, list[float]]]
    undefined: NotRequired[dict[str, str]]
    delays_s: NotRequired[list[float] | None]
    p_value: NotRequired[float | None]


class Group(TypedDict):
    column: str
    group: str
    n: int
    n_positive_labels: int
    values: dict[str, float]
    reference: dict[str, float]
    intervals: dict[str, list[float]]
    undefined: dict[str, str]


class QualityIssue(TypedDict):
    fault: str
    column: str | None
    n: int
    share: float
    reference: float
    beyond: bool


class Quality(TypedDict):
    n_rows: int
    issues: list[QualityIssue]


class Movement(TypedDict):
    name: str
    share: float
    weight: float
    defects: float
    piled_up: NotRequired[float]
    gained: NotRequired[list[str]]
    lost: NotRequired[list[str]]


class Correlation(TypedDict):
    first: str
    second: str
    reference: float
    current: float


class Explanation(TypedDict):
    shift: Shift | None
    because: str
    movements: list[Movement]
    correlations: NotRequired[list[Correlation]]
    together: NotRequired[list[str]]


class Comparison(TypedDict):
    name: str
    n_windows: int
    verdict: Verdict
    reason: str
    p_value: float | None
    columns: NotRequired[list[str]]


class VersionDifference(TypedDict):
    name: str
    effect: float | None
    p_value: float
    named: bool


class Version(TypedDict):
    version: str
    n_rows: int
    verdict: NotRequired[Verdict | None]
    reason: NotRequired[str | None]
    p_value: NotRequired[float | None]
    columns: NotRequired[list[str]]
    expected: NotRequired[Performance | None]
    realised: NotRequired[Performance | None]
    differences: NotRequired[list[VersionDifference]]


class SegmentMovement(TypedDict):
    name: str
    what: str
    reference: float | None
    current: float | None
    effect: float | None
    effect_unit: str
    p_value: float


class Segment(TypedDict):
    column: str
    value: str | None
    n_rows: int
    share: float
    reference_share: float
    n_moved: int
    moved: list[SegmentMovement]
    n_outliers: int | None
    expected: Performance | None
    realised: Performance | None


class RowTest(TypedDict):
    name: str
    statistic: float | None
    p_value: float | None
    n_reference: int
    n_current: int
    interval: NotRequired[list[float] | None]
    columns: NotRequired[dict[str, float]]


class SavedDetector(TypedDict):
    name: str
    sha256: str
    detector: NotRequired[str | None]
    n_rows: NotRequired[int]
    verdict: NotRequired[Verdict | None]
    p_value: NotRequired[float | None]
    n_outliers: NotRequired[int | None]
    reason: NotRequired[str | None]


class Sample(TypedDict):
    """is_pending: whether its rows have yet to be tested."""

    is_pending: bool
    tests: list[RowTest]
    detectors: list[SavedDetector]
    reason: str | None


class NotCounted(TypedDict):
    """Rows that the report is without."""

    from_the_future: int
    too_late: NotRequired[int]


class PerformanceChange(TypedDict):
    metric: str
    before: float | None
    after: float | None


class RetrainResult(TypedDict):
    """helped: whether the first window with the new model is quiet; None if that is not known."""

    report: str
    window: Window
    verdict: Verdict
    helped: bool | None
    realised: PerformanceChange | None
    expected: PerformanceChange | None


class ReportedRetrain(RetrainResult):
    """id: of the retrain after which this was the first window."""

    id: str


class Serving(TypedDict):
    n_requests: int
    n_refused: int
    n_failed: int
    error_share: float
    error_interval: list[float]
    latencies_s: dict[str, float]
    latency_intervals_s: dict[str, list[float]]


class Report(TypedDict):
    id: str
    monitor: str
    window: Window
    revision: int
    reference_id: str
    monitor_revision: int
    n_rows: int
    verdict: Verdict
    reason: str
    p_value: float | None
    evidence: float
    threshold: float
    provisional: bool
    columns: list[Column]
    outliers: Outliers | None
    expected: Performance | None
    realised: Performance | None
    explanation: NotRequired[Explanation | None]
    comparisons: NotRequired[list[Comparison]]
    fairness: NotRequired[list[Group]]
    quality: NotRequired[Quality | None]
    n_seen: NotRequired[int | None]
    caution: NotRequired[str | None]
    versions: NotRequired[list[Version]]
    segments: NotRequired[list[Segment]]
    serving: NotRequired[Serving | None]
    sample: NotRequired[Sample | None]
    not_counted: NotRequired[NotCounted]
    retrain: NotRequired[ReportedRetrain]
