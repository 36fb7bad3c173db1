"""What the detector makes of one window: plain data that travels as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from detectors.report import Caution, Reason, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDecision:
    """p_value: of this window, over the column's components; None without enough values.
    evidence_share: of the accumulated evidence, 0..1. named: at a false discovery rate of 0.1.
    """

    p_value: float | None
    evidence_share: float
    named: bool


@dataclass(frozen=True, slots=True)
class PairDecision:
    """Two columns, by name, whose rank correlation went from `reference` to `current`."""

    first: str
    second: str
    reference: float
    current: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the detector makes of one window; round-trips through plain JSON.

    p_value: of the window alone; None when undecided. evidence: accumulated, this window
    included. threshold: the evidence that alarms. provisional: accumulated evidence raises no
    alarm; caution: why.
    columns: by name, the columns that decide. The rest is empty unless the window drifts. pairs:
    whose correlation changed, at a false discovery rate of 0.1, the strongest first. together:
    columns that most likely moved with one another, each perhaps too little to be named.
    """

    verdict: Verdict
    reason: Reason
    p_value: float | None
    evidence: float
    threshold: float
    provisional: bool
    columns: Mapping[str, ColumnDecision]
    pairs: tuple[PairDecision, ...] = ()
    together: tuple[str, ...] = ()
    caution: Caution | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> "Decision":
        known: dict[str, Any] = {
            "verdict": Verdict(plain["verdict"]),
            "reason": Reason(plain["reason"]),
            "columns": {name: ColumnDecision(**c) for name, c in plain["columns"].items()},
            "pairs": tuple(PairDecision(**pair) for pair in plain.get("pairs", ())),
            "together": tuple(plain.get("together", ())),
            "caution": None if (why := plain.get("caution")) is None else Caution(why),
        }
        return Decision(**{**plain, **known})
