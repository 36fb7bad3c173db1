"""The closed sets in which alerts are spoken of: they reach logs, metrics, pages and payloads."""

from enum import StrEnum

from detectors.report import Reason


class State(StrEnum):
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """How much it matters, from the least on."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Cause(StrEnum):
    """What an alert is about."""

    DRIFT = "drift"
    """Of columns, predictions or vectors: what the accumulated evidence decides."""
    CONCEPT_DRIFT = "concept drift"
    """Labels say that the model is worse than it was on its reference."""
    ESTIMATED_PERFORMANCE = "estimated performance"
    """Without labels: its rows let expect that the model is worse."""
    OUTLIERS = "outlier rate"
    DATA_QUALITY = "data quality"
    """Broken data, or another schema."""
    FAIRNESS = "fairness"
    ERRORS = "error rate"
    """The model answers requests with errors, or not at all."""
    LATENCY = "latency"
    """The model answers slowly."""
    SILENCE = "silence"
    """No predictions come."""
    THRESHOLD = "threshold"
    """Some statistic, and a limit that somebody set."""
    PIPELINE = "pipeline"
    """Trouble of our own: an endpoint that was switched off, a retrain that failed or never
    answered."""


class Ruling(StrEnum):
    """What a window made of an alert."""

    BEGAN = "began"
    TOO_SHORT = "not for long enough"
    TOO_FEW_WINDOWS = "too few bad windows"
    FIRED = "fired"
    GOES_ON = "goes on"
    HELD = "between its limits"
    KEPT = "kept firing"
    OVER = "over"
    QUIET = "nothing there"
    UNDECIDED = "undecided"
    SEEN = "seen already"
    WITHDRAWN = "no longer asked for"


class Telling(StrEnum):
    """Why somebody is told of an alert, or is not."""

    TOLD = "told"
    NEVER_TOLD = "over before anybody was told"
    SILENCED = "silenced"
    MAINTENANCE = "maintenance"
    INHIBITED = "another alert explains it"
    NO_CHANNEL = "no channel"


class Finding(StrEnum):
    """Why a window was found bad or good, by causes that evidence does not decide."""

    WORSE = "worse than the reference"
    AS_GOOD = "no worse than the reference"
    NOT_KNOWN = "not known"
    ABOVE = "above its limit"
    BELOW = "below its limit"
    BETWEEN = "between its limits"
    WITHIN = "within its limits"
    BROKEN = "data look broken"
    SOUND = "data look sound"
    UNFAIR = "groups are treated unlike"
    TOO_FEW_REQUESTS = "too few requests"
    NO_PREDICTIONS = "no predictions"
    PREDICTIONS = "predictions come"
    SWITCHED_OFF = "an endpoint was switched off"
    NO_ANSWER = "a retrain did not answer"
    FAILED = "a retrain failed"


Grounds = Reason | Finding


def grounds(text: str) -> Grounds:
    """Raises ValueError for what is in neither set."""
    return Reason(text) if text in set(Reason) else Finding(text)
