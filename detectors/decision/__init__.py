"""From the counts of a window to whether it drifted, within a budget of false alarms."""

from detectors.decision.detector import (
    CEILING,
    SETTLED_WINDOWS,
    SUSPICION,
    ColumnDecision,
    Decision,
    Detector,
)

__all__ = ["CEILING", "SETTLED_WINDOWS", "SUSPICION", "ColumnDecision", "Decision", "Detector"]
