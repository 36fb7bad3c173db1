"""The part of a document that says when to ask for a retrain, whom, and what is asked."""

from typing import Annotated, Literal

from pydantic import Field

from monitor.spec.alerting import CauseName, OfWindows, SeverityName, Windows
from monitor.spec.channels import Endpoint, Webhooks
from monitor.spec.pipelines import Start
from monitor.spec.strict import NAME_PATTERN, NAMESPACE_PATTERN, Duration, Strict
from monitor.tenants.namespaces import namespace_of


class Retrain(Strict):
    """When a retrain is asked for, how often at most, and of whom. All times but
    `answer_within` are event time."""

    webhooks: Webhooks = ()
    start: Start | None = Field(
        default=None, description="A system that is asked to run a pipeline."
    )
    causes: tuple[CauseName, ...] = Field(
        default=("drift", "concept drift"),
        min_length=1,
        description="Of which alerts a retrain is asked for.",
    )
    severity: SeverityName = Field(
        default="info", description="Alerts that are less severe ask for nothing."
    )
    windows: Windows = Field(
        default=OfWindows(),
        description="Ask only when so many of the last so many windows show the cause.",
    )
    cooldown: Duration = Field(
        default=7 * 86_400.0,
        ge=0,
        description="At least so long, in event time, between two requests.",
    )
    per_day: int | None = Field(
        default=None, ge=1, le=1000, description="At most so many requests in any 24 hours."
    )
    approval: bool = Field(
        default=False, description="Whether somebody must approve before anybody is asked."
    )
    dry_run: bool = Field(default=False, description="Say what would be asked for, and ask nobody.")
    training: Duration = Field(
        default=28 * 86_400.0,
        gt=0,
        description="How far back, from the window that asks, rows are offered to learn from.",
    )
    answer_within: Duration | None = Field(
        default=86_400.0,
        gt=0,
        description="After so long without a word that it succeeded or failed an alert is raised; "
        "null: never.",
    )
    callback_secret_file: str | None = Field(
        default=None,
        description="A file holding the secret, whsec_ and base64, by which the pipeline signs "
        "what it reports.",
    )

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Everybody who is asked, but for who reads the topic."""
        hooks = [endpoint for webhook in self.webhooks for endpoint in webhook.endpoints()]
        started = () if self.start is None else (Endpoint(self.start.kind, self.start.target()),)
        return (*started, *hooks)


class Selector(Strict):
    """Which monitors: all that have every label, and one of the names and one of the namespaces if
    any is given."""

    monitors: tuple[Annotated[str, Field(pattern=NAME_PATTERN)], ...] = Field(
        default=(), max_length=1000
    )
    namespaces: tuple[Annotated[str, Field(pattern=NAMESPACE_PATTERN)], ...] | None = Field(
        default=None, min_length=1, max_length=100
    )
    labels: dict[str, str] = Field(default_factory=dict, max_length=32)

    def selects(self, name: str, labels: dict[str, str]) -> bool:
        named = not self.monitors or name in self.monitors
        within = self.namespaces is None or namespace_of(name) in self.namespaces
        return named and within and self.labels.items() <= labels.items()


class SubscriptionMetadata(Strict):
    name: str = Field(pattern=NAME_PATTERN, examples=["nightly"])


class SubscriptionSpec(Retrain):
    select: Selector = Field(default=Selector(), description="Which monitors; by default all.")


class RetrainSubscription(Strict):
    """A RetrainSubscription document: retrains for many monitors, declared apart from them."""

    api_version: Literal["driftmeter.dev/v1"] = Field(alias="apiVersion")
    kind: Literal["RetrainSubscription"]
    metadata: SubscriptionMetadata
    spec: SubscriptionSpec

    @property
    def name(self) -> str:
        return self.metadata.name

    def to_json(self) -> dict[str, object]:
        """The document as JSON types; what was left to defaults stays out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)
