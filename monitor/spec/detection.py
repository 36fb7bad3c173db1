"""The part of a Monitor document about what counts as drift, and what is shown beside."""

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_serializer, model_validator

from monitor.spec.durations import format_duration, parse_duration
from monitor.spec.samples import SampleTest, SavedDetector
from monitor.spec.strict import Duration, Strict

_PER = re.compile(r"(\d+(?:\.\d+)?)\s+per\s+(\S+)")


class Budget(Strict):
    """How many false alarms are acceptable in how long."""

    alarms: float = Field(gt=0, le=1000)
    period: Duration = Field(gt=0)

    def __str__(self) -> str:
        return f"{self.alarms:g} per {format_duration(self.period)}"

    @model_serializer
    def _as_text(self) -> str:
        return str(self)


def _budget(value: object) -> object:
    if not isinstance(value, str):
        return value
    if match := _PER.fullmatch(value.strip()):
        return {"alarms": float(match[1]), "period": parse_duration(match[2])}
    raise ValueError(f"{value!r} is not a budget: write, for example, '1 per 90d'")


class PastWindows(Strict):
    """Windows of the past to compare each window with, beside the reference."""

    trailing: Duration | None = Field(
        default=None, gt=0, description="All windows of so long a time before."
    )
    season: Duration | None = Field(
        default=None, gt=0, description="The windows of the same phase in a cycle of this length."
    )
    cycles: int = Field(default=4, ge=3, le=60, description="Of the season, how many to look back.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.trailing is None) == (self.season is None):
            raise ValueError("give either trailing or season, not both")
        return self


class IgnoreBelow(Strict):
    """Changes too small to tell anybody of, however certain many rows make them."""

    wasserstein_sd: float = Field(
        default=0.05, ge=0, allow_inf_nan=False, description="Of a number, in σ of the reference."
    )
    kolmogorov_smirnov: float = Field(
        default=0.02, ge=0, le=1, description="Of a number too; a change must be below both."
    )
    total_variation: float = Field(
        default=0.01, ge=0, le=1, description="Of a category: the share of rows that changed."
    )
    defects: float = Field(
        default=0.005,
        ge=0,
        le=1,
        description="Change of the share of values that are missing, infinite or never seen.",
    )


OutlierScorer = Literal[
    "ecod",
    "hbos",
    "mahalanobis",
    "pca",
    "nearest_neighbours",
    "isolation_forest",
    "autoencoder",
    "confidence",
]


class Outliers(Strict):
    false_discovery_rate: float = Field(
        default=0.1, gt=0, lt=1, description="Among the rows flagged, the share expected wrong."
    )
    scorer: OutlierScorer = Field(
        default="ecod",
        description="What makes a row an outlier: rare values (ecod, hbos), a rare combination of "
        "numbers (mahalanobis, pca, autoencoder), or a place where few rows are "
        "(nearest_neighbours, isolation_forest); or that the model is unsure (confidence). "
        "autoencoder needs PyTorch.",
    )
    publish_rows: int = Field(
        default=0,
        ge=0,
        le=100,
        description="The most extreme rows of every pane that are published, one by one, to the "
        "topic outliers, with their values: so many of each stretch of each partition. None "
        "leave the log unless this says so.",
    )


class Detection(Strict):
    false_alarms: Annotated[
        Budget,
        BeforeValidator(_budget),
        WithJsonSchema({"type": "string", "examples": ["1 per 90d"]}),
    ] = Field(
        default=Budget(alarms=1, period=90 * 86_400.0),
        description="The promise: at most so many false alarms in so long, all columns together.",
    )
    minimum_rows: int = Field(
        default=100, ge=1, description="Windows with fewer rows are undecided."
    )
    ignore_below: IgnoreBelow = IgnoreBelow()
    outliers: Outliers = Outliers()
    match_by: str | None = Field(
        default=None,
        min_length=1,
        description="A category or boolean column that says of whole windows what they are, such "
        "as holidays: each is then compared with the reference's windows of its kind.",
    )
    compare_with: tuple[PastWindows, ...] = Field(
        default=(),
        max_length=4,
        description="Past windows that every window is compared with as well. What they say is "
        "shown and raises no alarm.",
    )
    sample_tests: tuple[SampleTest, ...] = Field(
        default=(),
        max_length=3,
        description="Two-sample tests of the rows that profiles sample, beside rows of the "
        "reference: mmd, energy, classifier. They need sample_rows; what they say is shown and "
        "raises no alarm.",
    )
    saved_detectors: tuple[SavedDetector, ...] = Field(
        default=(),
        max_length=8,
        description="Detectors that were trained and saved with alibi-detect, run on the rows that "
        "profiles sample. They need sample_rows; what they say is shown and raises no alarm.",
    )

    @property
    def needs_rows(self) -> bool:
        return bool(self.sample_tests or self.saved_detectors)

    @model_validator(mode="after")
    def _distinct_detectors(self) -> Self:
        names = [one.name for one in self.saved_detectors]
        if len({*names}) < len(names) or len({*self.sample_tests}) < len(self.sample_tests):
            raise ValueError("saved_detectors need distinct names, and sample_tests each but once")
        return self
