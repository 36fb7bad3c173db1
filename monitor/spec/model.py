"""The Monitor document: what somebody declares about one model.

A name and a reference are enough; everything else has a default that works::

    apiVersion: driftmeter.dev/v1
    kind: Monitor
    metadata:
      name: free-seats
    spec:
      reference: training.parquet
"""

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    model_validator,
)

from detectors.columns import RESERVED_PREFIX, ColumnType
from detectors.output import N_CLASSES, N_GROUP_COLUMNS
from monitor.spec.alerting import Alerts
from monitor.spec.capture import Capture
from monitor.spec.detection import Detection, PastWindows
from monitor.spec.reference import Source
from monitor.spec.retraining import Retrain
from monitor.spec.strict import (
    MAX_NAME_LENGTH,
    NAME_PATTERN,
    NAMESPACE_PATTERN,
    Duration,
    Strict,
)
from monitor.spec.windows import Window, Windows, check_windows
from monitor.tenants.namespaces import namespace_of, qualified

API_VERSION = "driftmeter.dev/v1"

N_SEGMENT_COLUMNS = 4
"""Rows are counted once more for each."""

_POINTER_PATTERN = r"^(/.*)?$"


class Metadata(Strict):
    name: str = Field(
        pattern=NAME_PATTERN,
        description="The monitor's name: lower-case letters, digits, '-' and '.', at most 63.",
        examples=["free-seats"],
    )
    namespace: str | None = Field(
        default=None,
        pattern=NAMESPACE_PATTERN,
        description="Whose it is. Everywhere else it stands before the name: 'transit.free-seats'. "
        "Without it, it is what stands before the name's first dot, or 'default'.",
        examples=["transit"],
    )
    labels: dict[str, str] = Field(
        default_factory=dict,
        max_length=32,
        description="Free labels such as owner or team; alerts carry them.",
    )

    @property
    def qualified_name(self) -> str:
        """The name by which the whole installation knows it."""
        return qualified(self.name, self.namespace)

    @model_validator(mode="after")
    def _of_one_namespace(self) -> Self:
        name = self.qualified_name
        if len(name) > MAX_NAME_LENGTH:
            raise ValueError(f"{name!r} has more than {MAX_NAME_LENGTH} characters")
        if self.namespace not in (None, namespace_of(name)):
            raise ValueError(f"{name!r} is of the namespace {namespace_of(name)!r}")
        return self


class EventTime(Strict):
    """Where a prediction's time comes from, when not from its arrival at the collector."""

    header: str | None = Field(
        default=None,
        min_length=1,
        description="A request header holding an RFC 3339 time or seconds since 1970.",
    )


class BodyMapping(Strict):
    """Where things are in the bodies of a model server that speaks no format we know: JSON pointers
    (RFC 6901); "" is the whole body."""

    path: str = Field(
        pattern=r"^/[^?#]*$",
        max_length=1000,
        description="Of the prediction requests, without a query.",
        examples=["/score"],
    )
    rows: str = Field(
        default="",
        pattern=_POINTER_PATTERN,
        description="The list of rows in the request, or one row.",
    )
    columns: dict[str, Annotated[str, Field(pattern=_POINTER_PATTERN)]] = Field(
        default_factory=dict,
        max_length=10_000,
        description="Each column within a row. Without them rows are objects of columns, or lists "
        "in the order of the reference's.",
    )
    outputs: str = Field(
        default="", pattern=_POINTER_PATTERN, description="The list of answers, or the one answer."
    )
    prediction: str = Field(
        default="", pattern=_POINTER_PATTERN, description="The prediction within an answer."
    )


class Model(Strict):
    name: str | None = Field(
        default=None,
        description="The model's name in the server's URLs, where it differs from the monitor's.",
    )
    version_header: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="A header of the model's answers, or else of requests, that names the version "
        "of the model, where the format does not or another name is wanted.",
        examples=["x-model-version"],
    )
    mapping: BodyMapping | None = Field(
        default=None, description="How to read bodies of a format of the model server's own."
    )


class Spec(Strict):
    reference: Source = Field(
        description="A file or URL, or 'first 10000' for the first predictions, or 'trailing 30d' "
        "for those of a trailing window."
    )
    paused: bool = Field(
        default=False,
        description="Rows are counted and windows reported, but not decided: no alert comes of "
        "them. `driftmeter pause` and `driftmeter resume` set it.",
    )
    model: Model = Model()
    columns: dict[str, ColumnType | Literal["ignore"]] = Field(
        default_factory=dict,
        max_length=10_000,
        description="Types of columns where the reference's own are wrong; 'ignore' leaves out.",
    )
    prediction: str = Field(
        default="prediction", min_length=1, description="The column that holds the model's output."
    )
    probabilities: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict,
        max_length=N_CLASSES,
        description="Of a classification, by class: the column that holds its predicted "
        "probability. Of two classes one is enough.",
        examples=[{"yes": "p_yes"}],
    )
    positive: str | None = Field(
        default=None,
        min_length=1,
        description="The class of which precision, recall and fairness are told. Without it, of "
        "two classes that with a probability, or else the later in the alphabet.",
    )
    fairness: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        max_length=N_GROUP_COLUMNS,
        description="Columns of categories or booleans whose values are groups that the model "
        "should treat alike.",
    )
    segments: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        max_length=N_SEGMENT_COLUMNS,
        description="Columns of categories or booleans by whose values rows are also counted "
        "apart: reports say what moved in each, and how good the model is there. Of a column the "
        "20 commonest values of the reference have a segment, the others share one.",
        examples=[["line", "station"]],
    )
    importance: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=dict,
        max_length=10_000,
        description="How much the model relies on each column, in any unit: what moved is then "
        "shown in the order in which it matters to the model.",
    )
    label: str | None = Field(
        default=None,
        min_length=1,
        description="The column of the reference that holds the truth. With it, labels are "
        "expected for predictions too, and the model's error is watched.",
    )
    label_horizon: Duration = Field(
        default=7 * 86_400.0, gt=0, description="How long after its prediction a label may come."
    )
    event_time: EventTime = EventTime()
    capture: Capture = Capture()
    windows: Windows = Field(
        default=(Window(length=3600.0),),
        min_length=1,
        max_length=4,
        description="The windows reported: lengths; {length, every} for windows that overlap; "
        "{rows} for windows that are over once they hold so many.",
    )
    sample_rows: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Rows of every profile that are kept as they came, chosen at random by their "
        "ids: for tests that need rows, and to say which columns made rows outliers. None are kept "
        "unless this says so, and at most 14 kB, or 128 kB where rows are tested.",
    )
    lateness: Duration = Field(
        default=60.0,
        ge=0,
        description="How late a prediction may come and still be counted at once.",
    )
    detection: Detection = Detection()
    alerts: Alerts = Alerts()
    retrain: Retrain = Retrain()

    @property
    def compared_with(self) -> tuple[PastWindows, ...]:
        """Past windows that every window is set beside: those asked for, and those that a trailing
        reference would be of by now."""
        asked, trailing = self.detection.compare_with, self.reference.trailing
        if trailing is None or any(one.trailing == trailing for one in asked):
            return asked
        return (PastWindows(trailing=trailing), *asked)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        told = (*self.probabilities.values(), *self.fairness)
        for name in (*self.columns, self.prediction, self.label or "", *told, *self.segments):
            if name.startswith(RESERVED_PREFIX):
                raise ValueError(
                    f"column {name!r}: names beginning with {RESERVED_PREFIX!r} are reserved"
                )
        if self.label in (self.prediction, *told) or self.prediction in told:
            raise ValueError("label and prediction must be columns of their own")
        if self.label in self.capture.redact:
            raise ValueError("the label leaves as the prediction does: redact that")
        check_windows(self.windows)
        if self.detection.needs_rows and self.sample_rows == 0:
            raise ValueError(
                "detection.sample_tests and detection.saved_detectors need rows: say with "
                "sample_rows how many may be kept, 1000 for example"
            )
        return self


class Monitor(Strict):
    """A Monitor document."""

    api_version: Literal["driftmeter.dev/v1"] = Field(alias="apiVersion")
    kind: Literal["Monitor"]
    metadata: Metadata
    spec: Spec

    @property
    def name(self) -> str:
        return self.metadata.qualified_name

    @property
    def namespace(self) -> str:
        return namespace_of(self.name)

    @property
    def model_name(self) -> str:
        """The model's name in the URLs of its server."""
        return self.spec.model.name or self.metadata.name

    @property
    def pane_s(self) -> float:
        """Seconds of the panes that its windows are made of."""
        return min(window.step_s for window in self.spec.windows)

    def as_paused(self, paused: bool) -> Self:
        """The same document, paused or not; one that is not says nothing of it."""
        document = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        document["spec"].pop("paused", None)
        if paused:
            document["spec"]["paused"] = True
        return self.model_validate(document)

    def to_json(self) -> dict[str, object]:
        """The document as JSON types; what was left to defaults stays out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)
