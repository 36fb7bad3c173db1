"""What a notification says about a window: few words, bounded, and JSON."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from detectors.columns import ColumnType
from detectors.report import ColumnReport, Performance, Summary, WindowReport

MAX_COLUMNS = 10
MAX_NAME = 200
"""Characters of a column's name; longer ones end in an ellipsis."""

Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One column, and what about it moved furthest.

    what: "mean", "share of 'none'" (of a level) or "missing" (a share).
    reference, current: its value there and in the window.
    share: of the cause, 0..1; None where nothing tells.
    """

    name: str
    role: str
    what: str
    reference: float | None
    current: float | None
    effect: float | None
    effect_unit: str
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The model's performance by one metric, in the reference and in the window."""

    metric: str
    reference: float | None
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was held against a limit: a statistic, of a column or of the whole window."""

    statistic: str
    column: str | None
    value: float | None
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a window said, as far as people are told.

    columns: those named as moved, strongest first, at most `MAX_COLUMNS`;
    columns_omitted: how many more were named.
    outlier_share: None if no row was scored.
    shift: what kind of change it looks like, None if that is not known; because: why, in words.
    measured: what passed its limit, where a limit decided.
    probable_cause: what happened at the same time that may have caused it, in words.
    """

    n_rows: int
    evidence: float | None
    threshold: float | None
    columns: tuple[Movement, ...] = ()
    columns_omitted: int = 0
    outlier_share: float | None = None
    expected: Quality | None = None
    realised: Quality | None = None
    shift: str | None = None
    because: str | None = None
    measured: Measured | None = None
    probable_cause: str | None = None

    @classmethod
    def of(cls, report: WindowReport) -> Self:
        # Drift can be certain while no single column is: then the strongest one speaks.
        named = [column for column in report.columns if column.named] or report.columns[:1]
        total = sum(column.evidence_share for column in named)
        outliers, explained = report.outliers, report.explanation
        return cls(
            n_rows=report.n_rows,
            evidence=_finite(report.evidence),
            threshold=_finite(report.threshold),
            columns=tuple(_movement(column, total) for column in named[:MAX_COLUMNS]),
            columns_omitted=max(0, len(named) - MAX_COLUMNS),
            outlier_share=outliers.n_flagged / outliers.n_scored
            if outliers and outliers.n_scored
            else None,
            expected=_quality(report.expected),
            realised=_quality(report.realised),
            shift=str(explained.shift) if explained and explained.shift else None,
            because=clipped(explained.because) if explained else None,
        )

    def to_json(self) -> dict[str, Json]:
        return asdict(self) | {"columns": [asdict(column) for column in self.columns]}

    @classmethod
    def from_json(cls, body: Mapping[str, Json]) -> Self:
        expected, realised, measured = body["expected"], body["realised"], body["measured"]
        return cls(
            **{
                **body,
                "columns": tuple(Movement(**column) for column in body["columns"]),
                "expected": Quality(**expected) if expected else None,
                "realised": Quality(**realised) if realised else None,
                "measured": Measured(**measured) if measured else None,
            }
        )


def _movement(column: ColumnReport, total: float) -> Movement:
    """total: the share of the evidence that all columns named have together."""
    what, reference, current = _furthest(column)
    return Movement(
        name=clipped(column.name),
        role=column.role.value,
        what=what,
        reference=_finite(reference),
        current=_finite(current),
        effect=_finite(column.effect),
        effect_unit=column.effect_unit,
        share=_finite(column.evidence_share / total) if total > 0 else None,
    )


def _furthest(column: ColumnReport) -> tuple[str, float | None, float | None]:
    reference, current = column.reference, column.current
    if abs(current.missing - reference.missing) > (column.effect or 0.0):
        return "missing", reference.missing, current.missing
    if column.type.is_numeric:
        return "mean", reference.mean, current.mean
    return _level(column.type, reference, current)


def _level(
    kind: ColumnType, reference: Summary, current: Summary
) -> tuple[str, float | None, float | None]:
    """The level whose share changed most; of a boolean, always the share of true."""
    old, new = reference.shares or {}, current.shares or {}
    levels = {"true": None} if kind is ColumnType.BOOLEAN else dict.fromkeys((*old, *new))
    if not levels:
        return "share", None, None
    level = max(levels, key=lambda name: abs(new.get(name, 0.0) - old.get(name, 0.0)))
    return f"share of {clipped(level)!r}", old.get(level, 0.0), new.get(level, 0.0)


def _quality(performance: Performance | None) -> Quality | None:
    if performance is None or performance.value is None:
        return None
    return Quality(
        metric=performance.metric,
        reference=_finite(performance.reference),
        value=_finite(performance.value),
    )


def clipped(name: str) -> str:
    """A name that is bounded and can be encoded, whatever was in it."""
    name = name.encode(errors="replace").decode()
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"


def _finite(value: float | None) -> float | None:
    """JSON has neither infinity nor NaN."""
    return value if value is not None and math.isfinite(value) else None
