"""What was said of a window's sampled rows, beside its report: it informs and decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from detectors.report.window import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTest:
    """One two-sample test of a window's sampled rows beside the reference's.

    name: one of `detectors.samples.SAMPLE_TESTS`.
    statistic: squared MMD, energy distance, or the classifier's AUC; None with too few rows, as
        is the p-value, which takes rows for independent.
    interval: of the AUC, at 95 %.
    columns: of the classifier, by how much of the AUC rests on each that it used, most first.
    """

    name: str
    statistic: float | None
    p_value: float | None
    n_reference: int
    n_current: int
    interval: tuple[float, float] | None = None
    columns: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedDetectorReport:
    """What a detector that somebody trained and saved says of a window's sampled rows.

    name, sha256: as the monitor names it. detector: what it calls itself.
    verdict: of a drift detector. p_value: its smallest, if it has any.
    n_outliers: of an outlier detector, among `n_rows`; whether they are many, its maker knows.
    reason: why it said nothing.
    """

    name: str
    sha256: str
    detector: str | None = None
    n_rows: int = 0
    verdict: Verdict | None = None
    p_value: float | None = None
    n_outliers: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleReport:
    """reason: why the rows were not tested at all."""

    tests: tuple[RowTest, ...] = ()
    detectors: tuple[SavedDetectorReport, ...] = ()
    reason: str | None = None
