"""The part of a Monitor document about what alerts, how patiently, and who hears of which alert."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from alerts.matchers import Matcher
from monitor.spec.channels import Channel, Url, Webhook, Webhooks
from monitor.spec.maintenance import Maintenance
from monitor.spec.strict import NAME_PATTERN, Duration, Strict

_OF = re.compile(r"(\d{1,3})\s+of\s+(\d{1,3})")

SeverityName = Literal["info", "warning", "critical"]

CauseName = Literal[
    "drift",
    "data quality",
    "concept drift",
    "estimated performance",
    "outlier rate",
    "fairness",
    "error rate",
    "latency",
    "silence",
]
"""What a monitor decides about."""

ColumnStatistic = Literal[
    "effect",
    "p_value",
    "missing",
    "unseen",
    "mean",
    "kolmogorov_smirnov",
    "kuiper",
    "cramer_von_mises",
    "anderson_darling",
    "wasserstein",
    "wasserstein_sd",
    "energy_distance",
    "welch_mean_shift",
    "variance_ratio",
    "total_variation",
    "chi_squared",
    "g_test",
    "population_stability_index",
    "kullback_leibler",
    "jensen_shannon_distance",
    "hellinger",
    "chebyshev",
    "two_proportion",
    "hotelling",
    "frechet_distance",
    "mmd_fourier",
]
WindowStatistic = Literal["n_rows", "evidence", "outlier_share", "label_coverage"]
Metric = Annotated[str, Field(pattern=r"^(realised|expected)\.[a-z0-9_]+$")]


class OfWindows(Strict):
    """So many of the latest windows must be bad."""

    enough: int = Field(default=1, ge=1, le=100)
    of: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.enough > self.of:
            raise ValueError(f"of {self.of} windows, {self.enough} can never be bad")
        return self

    @model_serializer
    def _as_text(self) -> str:
        return f"{self.enough} of {self.of}"


def _of_windows(value: object) -> object:
    if not isinstance(value, str):
        return value
    if match := _OF.fullmatch(value.strip()):
        return {"enough": int(match[1]), "of": int(match[2])}
    raise ValueError(f"{value!r} is not a number of windows: write, for example, '2 of 3'")


Windows = Annotated[
    OfWindows,
    BeforeValidator(_of_windows),
    WithJsonSchema({"type": "string", "examples": ["2 of 3"]}),
]


class Patience(Strict):
    """How long, and in how many windows, something must be there; what is not given is what
    `alerts` itself says."""

    for_: Duration | None = Field(
        default=None,
        ge=0,
        alias="for",
        description="How long it must last, in event time, before pending becomes firing.",
    )
    keep_firing_for: Duration | None = Field(
        default=None, ge=0, description="How long quiet must last before firing becomes resolved."
    )
    windows: Windows | None = Field(
        default=None, description="How many of the latest windows must be bad, as in '2 of 3'."
    )
    severity: SeverityName | None = Field(
        default=None, description="The monitor's label of that name says it for all causes."
    )


class CauseRule(Patience):
    """When one cause alerts. The key alone is enough: every value has a default."""

    enabled: bool = Field(default=True, description="Off: this cause makes no alert.")
    above: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="The limit: of a performance the loss relative to the reference, of data "
        "quality the growth of a fault's share, of outliers and of errors their share, of fairness "
        "the difference, of latency the seconds that 95 % of the answers may take. drift and "
        "silence have none.",
    )
    until: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="Down to here an alert that is open goes on.",
    )


class Threshold(Patience):
    """A limit on a statistic. It promises nothing about false alarms."""

    name: str = Field(pattern=NAME_PATTERN)
    statistic: ColumnStatistic | WindowStatistic | Metric = Field(
        description="Of a column, of the window, or realised.METRIC and expected.METRIC."
    )
    column: str | None = Field(
        default=None, min_length=1, description="Without one, whichever is furthest beyond."
    )
    above: float | None = Field(default=None, allow_inf_nan=False)
    below: float | None = Field(default=None, allow_inf_nan=False)
    until: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="From the limit to here an alert that is open goes on.",
    )

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("give either above or below, not both")
        if self.until is not None:
            wrong = self.until > self.above if self.above is not None else self.until < self._floor
            if wrong:
                raise ValueError("until lies on the good side of the limit")
        return self

    @property
    def _floor(self) -> float:
        assert self.below is not None  # asked only where it is the one that is given
        return self.below


def _distinct(thresholds: tuple[Threshold, ...]) -> tuple[Threshold, ...]:
    if len({one.name for one in thresholds}) < len(thresholds):
        raise ValueError("thresholds need distinct names")
    return thresholds


Thresholds = Annotated[tuple[Threshold, ...], Field(max_length=50), AfterValidator(_distinct)]


def _causes(value: Any) -> Any:
    """A list of names is short for those causes with their defaults."""
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return {name: {} for name in value}
    return value


Causes = Annotated[
    dict[CauseName, CauseRule],
    BeforeValidator(
        _causes, json_schema_input_type=dict[CauseName, CauseRule] | tuple[CauseName, ...]
    ),
]


def _matcher(text: str) -> str:
    Matcher.parse(text)
    return text


MatcherText = Annotated[
    str, AfterValidator(_matcher), Field(max_length=500, examples=["severity=critical"])
]


class Route(Strict):
    """Which channels and webhooks hear of the alerts whose labels match."""

    match: tuple[MatcherText, ...] = Field(
        default=(),
        max_length=20,
        description="Of the monitor's labels, and of monitor, cause, severity and rule.",
    )
    channels: tuple[str, ...] = Field(
        max_length=40, description="Names of channels and webhooks; none: nobody hears of it."
    )
    continue_: bool = Field(
        default=False, alias="continue", description="On: later routes are looked at as well."
    )


class Alerts(Strict):
    for_: Duration = Field(
        default=0.0,
        ge=0,
        alias="for",
        description="How long a cause must last, in event time, before pending becomes firing.",
    )
    keep_firing_for: Duration | None = Field(
        default=None,
        ge=0,
        description="How long quiet must last before firing becomes resolved. By default one "
        "quiet window is enough; of windows that overlap, one that overlaps no bad one.",
    )
    windows: Windows = Field(
        default=OfWindows(),
        description="How many of the latest windows must be bad, as in '2 of 3'.",
    )
    causes: Causes = Field(
        default_factory=dict,
        description="What alerts beside what does so by itself, and when. A list of names takes "
        "the defaults.",
        examples=[{"concept drift": {"severity": "critical", "above": 0.2}}],
    )
    thresholds: Thresholds = Field(
        default=(), description="Limits on statistics, beside what evidence decides."
    )
    webhooks: Webhooks = ()
    channels: tuple[Channel, ...] = Field(
        default=(), max_length=20, description="Who else is told, by chat, pager or e-mail."
    )
    routes: tuple[Route, ...] = Field(
        default=(),
        max_length=50,
        description="Who hears of which alert: the first that matches decides. An alert that "
        "none takes goes to everybody.",
    )
    maintenance: tuple[Maintenance, ...] = Field(
        default=(),
        max_length=20,
        description="Hours of the week at which nobody is told. What still fires afterwards is.",
    )
    dashboard: Url | None = Field(
        default=None, description="A page on this monitor elsewhere, which notifications link to."
    )
    runbook: Url | None = Field(
        default=None, description="What to do, which notifications link to."
    )

    @property
    def told(self) -> tuple[Webhook | Channel, ...]:
        """Everybody who may hear of an alert."""
        return (*self.webhooks, *self.channels)

    @model_validator(mode="after")
    def _distinct_names(self) -> Self:
        names = [*(one.name for one in self.webhooks), *(one.name for one in self.channels)]
        if len(set(names)) < len(names):
            raise ValueError("channels and webhooks need distinct names")
        for name in (name for route in self.routes for name in route.channels):
            if name not in names:
                raise ValueError(f"a route names {name!r}, which is no channel and no webhook")
        return self

    @model_validator(mode="after")
    def _causes_make_sense(self) -> Self:
        for name in ("drift", "silence"):
            rule = self.causes.get(name)
            if rule is not None and (rule.above is not None or rule.until is not None):
                raise ValueError(f"causes: {name} has no limit")
        silence = self.causes.get("silence")
        if silence is not None and silence.enabled and not silence.for_:
            raise ValueError("causes: silence needs for, as in {silence: {for: 6h}}")
        latency = self.causes.get("latency")
        if latency is not None and latency.enabled and latency.above is None:
            raise ValueError("causes: latency needs above, seconds, as in {latency: {above: 0.5}}")
        return self
