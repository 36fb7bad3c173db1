"""What one window said. Plain data: every part of Driftmeter speaks of drift in these words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from detectors.columns import ColumnType, Role
from detectors.report.serving import ServingReport


class Verdict(StrEnum):
    QUIET = "quiet"
    DRIFT = "drift"
    UNDECIDED = "undecided"


class Reason(StrEnum):
    """Why a window got its verdict: a closed set that reaches logs, metrics and payloads."""

    WITHIN_REFERENCE = "within reference"
    STRONG_WINDOW = "strong window"
    ACCUMULATED_EVIDENCE = "accumulated evidence"
    BELOW_EFFECT_FLOOR = "below effect floor"
    TOO_FEW_ROWS = "too few rows"
    TOO_FEW_WINDOWS = "too few windows"
    PAUSED = "paused"


class Caution(StrEnum):
    """Why a verdict is provisional: a closed set that reaches payloads and pages."""

    ONE_WINDOW = "the reference has no two windows of this length, so how they differ is not known"
    FEW_WINDOWS = "the reference has fewer than 20 windows of this length"
    MEMORY = "neighbouring windows of the reference resemble each other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Shares for a picture: at most a few dozen bars, the same bars for both sides.

    bars: what each bar stands for, "12.5 – 14.0" or a category.
    reference, current: shares of the present values, each summing to 1 (or all 0 without data).
    edges: (bars + 1) limits of the bars of a numeric column, else empty.
    """

    bars: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    edges: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One side of "from what to what".

    quantiles: of a numeric column, keyed "0.05", "0.25", "0.5", "0.75", "0.95"; from the bins,
        so exact to a bin's width. mean: from the bins too. Empty / None without values.
    shares: of a category column, its commonest levels, most common first.
    """

    n: int
    missing: float
    mean: float | None = None
    quantiles: Mapping[str, float] | None = None
    shares: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReport:
    """What one column did in a window.

    statistics: by name ("kolmogorov_smirnov", "kuiper", "cramer_von_mises", "anderson_darling",
        "wasserstein", "wasserstein_sd", "energy_distance", "welch_mean_shift", "variance_ratio" of
        numbers; "total_variation", "chi_squared", "g_test" of categories;
        "population_stability_index", "kullback_leibler", "jensen_shannon_distance", "hellinger",
        "chebyshev" and, of the missing share, "two_proportion" of both; "hotelling",
        "frechet_distance" and "mmd_fourier" of vectors, with their lengths); a statistic that is
        undefined is absent, never NaN.
    intervals: 95 % ones of the statistics, by name, the rows taken for a sample; of the strongest
        column and of those that are named, empty for the others. Vectors' statistics have none.
    effect: the size of the change for people, in `effect_unit`: for a numeric column the
        Wasserstein distance in reference standard deviations ("sd"), for a category column
        the total variation distance ("share").
    p_value: of this window alone, adjusted for the several components of the column; None when
        undecided.
    evidence_share: this column's share of the monitor's accumulated evidence, 0..1.
    named: whether the column is named as moved, at a controlled false discovery rate.
    """

    name: str
    type: ColumnType
    role: Role
    reference: Summary
    current: Summary
    unseen: float
    statistics: Mapping[str, float]
    effect: float | None
    effect_unit: str
    p_value: float | None
    evidence_share: float
    named: bool
    distribution: Distribution
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierReport:
    """Rows unlike the reference's: conformal p-values, flagged at a false discovery rate.

    causes: of up to five columns, the share of each in what the flagged rows of the window's
        sample score beyond its other rows, largest first; empty where none of them is flagged.
    """

    n_scored: int
    n_flagged: int
    false_discovery_rate: float
    causes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How good the model was (labels) or is expected to be (no labels).

    metric: "mae" for regression, "accuracy" for classification.
    value, reference: the metric in the window and in the reference; None without rows.
    others: further metrics by name ("rmse", "bias"); those that are undefined are left out.
    coverage: share of the window's predictions that have a label; None for an estimate.
    interval: of `value`, at 95 % confidence; None where none is known.
    intervals: of the others, by name, where they are known.
    undefined: why, of every metric that is left out, by name.
    delays_s: median and 90th percentile of how long after its prediction a label came; None for
        an estimate, and where it is not known.
    p_value: the chance of a `value` as bad of a model that is as good as on its reference, by how
        the reference's own windows differ; None where they are too few to say.
    """

    metric: str
    value: float | None
    reference: float | None
    n: int
    others: Mapping[str, float]
    coverage: float | None = None
    interval: tuple[float, float] | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    undefined: Mapping[str, str] = field(default_factory=dict)
    delays_s: tuple[float, float] | None = None
    p_value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReport:
    """How a model treats one group beside all other rows of the window.

    column, group: the value of the column that makes the group, "other" for the rare ones.
    n: rows of the group; n_positive_labels: labels of the positive class among them.
    values, reference: "statistical_parity_difference", "disparate_impact" and
        "equal_opportunity_difference" in the window and in the reference, where defined.
    intervals: of the values, at 95 % confidence. undefined: why, of every value left out.
    """

    column: str
    group: str
    n: int
    n_positive_labels: int
    values: Mapping[str, float]
    reference: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    undefined: Mapping[str, str]


class Fault(StrEnum):
    """What is wrong with data: a closed set that reaches payloads."""

    MISSING = "missing"
    UNSEEN = "unseen"
    OUT_OF_RANGE = "out of range"
    TYPE_MISMATCH = "type mismatch"
    CONSTANT = "constant"
    DUPLICATE_IDS = "duplicate ids"
    NEW_COLUMNS = "new columns"
    """Of rows that came with columns which the reference lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityIssue:
    """One fault of one column, or of the rows themselves (column None).

    n, share: rows that have it, and their share of the window's. reference: their share of the
        reference's; of a constant column, the chance that so many of its rows are one.
    beyond: whether it is more than the reference's own windows show.
    """

    fault: Fault
    column: str | None
    n: int
    share: float
    reference: float
    beyond: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """The faults of a window's data; those that are beyond the reference's come first."""

    n_rows: int
    issues: tuple[QualityIssue, ...]


class Shift(StrEnum):
    """What kind of change a window looks like: a closed set that reaches payloads."""

    DATA_QUALITY = "data quality"
    COVARIATE = "covariate shift"
    PREDICTION = "prediction shift"
    CONCEPT = "concept shift"
    CORRELATION = "correlation shift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One column that moved, and how.

    share: of the total evidence, 0..1; of all columns together 1. weight: the share weighted by
        the column's importance to the model, 0..1; the share itself without importances.
    defects: change of the share of values that are missing, infinite or unseen.
    piled_up: the share of rows by which one single value has grown; 0 for a category.
    gained, lost: levels whose share grew or fell most, largest change first.
    """

    name: str
    share: float
    weight: float
    defects: float
    piled_up: float = 0.0
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Two columns whose rank correlation changed, from `reference` to `current`."""

    first: str
    second: str
    reference: float
    current: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a drifting window looks like, and why it is said to.

    shift: None where nothing speaks for one kind more than for another.
    because: a sentence for people.
    movements: the columns named as moved, by weight; without one the strongest alone.
    correlations: pairs named as having changed, the strongest first.
    together: columns that most likely moved with one another, each perhaps too little to be named.
    """

    shift: Shift | None
    because: str
    movements: tuple[Movement, ...]
    correlations: tuple[Correlation, ...] = ()
    together: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a window says beside other windows than the reference's; it raises no alarm.

    name: beside which, "the last 28d" or "the same time of the last 4 cycles of 1w".
    n_windows: how many of them there are. columns: the names of those that moved.
    """

    name: str
    n_windows: int
    verdict: Verdict
    reason: Reason
    p_value: float | None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDifference:
    """One column of two versions' rows of a window.

    effect: Wasserstein distance in reference standard deviations, or total variation distance.
    p_value: adjusted for the number of columns; named: whether it is said to differ.
    """

    name: str
    effect: float | None
    p_value: float
    named: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionReport:
    """What one version of the model did in a window; it raises no alarm.

    version: its name; "" of rows that came without one.
    verdict, reason, p_value, columns: of its rows beside the reference, without evidence, and the
        columns that are named; None and empty where it is the only version of the window.
    differences: from the version with the most rows, empty of that one itself.
    """

    version: str
    n_rows: int
    verdict: Verdict | None = None
    reason: Reason | None = None
    p_value: float | None = None
    columns: tuple[str, ...] = ()
    expected: Performance | None = None
    realised: Performance | None = None
    differences: tuple[VersionDifference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentMovement:
    """One column of a segment's rows, and what about it moved.

    what: "mean", "share of 'none'" (of a level) or "missing" (a share). reference, current: its
        value among the segment's rows of the reference and of the window, None where there is none.
    effect: as a column's of the whole window. p_value: adjusted for all columns of all segments.
    """

    name: str
    what: str
    reference: float | None
    current: float | None
    effect: float | None
    effect_unit: str
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReport:
    """What the rows did in which a column has one value, beside those of the reference.

    value: None of the rows that have none, or one without a segment. share, reference_share: of all
        rows. moved: the columns that surely differ, the surest first, at most `MOST_MOVED` of
        `n_moved`. n_outliers: None without rows.
    """

    column: str
    value: str | None
    n_rows: int
    share: float
    reference_share: float
    n_moved: int
    moved: tuple[SegmentMovement, ...]
    n_outliers: int | None
    expected: Performance | None
    realised: Performance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReport:
    """What a window of profiles says against its reference.

    p_value: of the window alone, over all columns; None when undecided.
    evidence, threshold: the accumulated evidence and where it alarms. The threshold follows
        from the false-alarm budget.
    provisional: accumulated evidence raises no alarm; caution: why.
    columns: strongest first.
    explanation: of a window that drifts, or whose model is worse than its rows let expect.
    comparisons: with other windows than the reference's, where they are asked for.
    fairness: of every group of the columns whose groups are compared.
    quality: what is wrong with the data themselves.
    versions: of the model, those that answered in the window, the one with the most rows first.
    segments: of every column whose values are counted apart.
    n_seen: how many predictions the rows stand for, where they are a sample, else None. Of a sample
        whose rows weigh differently, `n_rows` is how many equal ones tell as much.
    serving: None where no proxy saw the requests.
    """

    n_rows: int
    verdict: Verdict
    reason: Reason
    p_value: float | None
    evidence: float
    threshold: float
    provisional: bool
    columns: tuple[ColumnReport, ...]
    outliers: OutlierReport | None
    expected: Performance | None
    realised: Performance | None
    explanation: Explanation | None = None
    comparisons: tuple[Comparison, ...] = ()
    fairness: tuple[GroupReport, ...] = ()
    quality: QualityReport | None = None
    n_seen: int | None = None
    caution: Caution | None = None
    versions: tuple[VersionReport, ...] = ()
    segments: tuple[SegmentReport, ...] = ()
    serving: ServingReport | None = None
