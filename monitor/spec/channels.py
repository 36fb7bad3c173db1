"""The part of a Monitor document that says who is told of its alerts, and how.

What is secret is in files, which the process that sends reads with every attempt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from monitor.spec.strict import NAME_PATTERN, Duration, Strict, without_credentials

_WEB, _MAIL = r"^https?://", r"^smtps?://"


def _checked(words: str) -> str:
    # A collector reads documents too, and starts without all that tells people.
    from alerts.channels import template  # noqa: PLC0415

    template.check(words)
    return words


Words = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_checked)]
Timeout = Annotated[Duration, Field(gt=0, le=30)]
Url = Annotated[str, Field(pattern=_WEB, max_length=2048), AfterValidator(without_credentials)]
Address = Annotated[str, Field(pattern=r"^[!-?A-~]+@[A-Za-z0-9.-]+$", max_length=254)]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place that is told, under the name that a monitor's document gives it.

    target: what `alerts.channels.open` makes the channel of; it names files and holds no secret.
    """

    name: str
    target: Mapping[str, object]


class Webhook(Strict):
    """One HTTPS endpoint that is told; requests are signed by Standard Webhooks."""

    name: str = Field(default="default", pattern=NAME_PATTERN)
    url: Url
    secret_file: str = Field(
        description="A file holding the endpoint's signing secret, whsec_ and base64."
    )
    timeout: Timeout = 15.0

    def target(self) -> dict[str, object]:
        """What `alerts.channels.open` makes the channel of."""
        return {
            "kind": "webhook",
            "url": self.url,
            "secret_file": self.secret_file,
            "timeout_s": self.timeout,
        }

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (Endpoint(self.name, self.target()),)


class Alertmanager(Strict):
    """Prometheus Alertmanager: every replica by its own URL, not a load balancer's."""

    urls: tuple[Url, ...] = Field(min_length=1, max_length=8)


class Slack(Strict):
    url_file: str = Field(description="A file holding the URL of a Slack incoming webhook.")


class Teams(Strict):
    url_file: str = Field(
        description="A file holding the URL of a Teams workflow that a webhook request starts."
    )


class PagerDuty(Strict):
    routing_key_file: str = Field(
        description="A file holding the integration key of an Events API v2 integration."
    )
    severity: Literal["info", "warning", "error", "critical"] = "warning"
    url: Url = Field(
        default="https://events.pagerduty.com",
        description="In the EU region https://events.eu.pagerduty.com.",
    )


class Opsgenie(Strict):
    api_key_file: str = Field(description="A file holding the key of an API integration.")
    priority: Literal["P1", "P2", "P3", "P4", "P5"] = "P3"
    url: Url = Field(
        default="https://api.opsgenie.com",
        description="In the EU region https://api.eu.opsgenie.com.",
    )


class Email(Strict):
    url: Annotated[str, AfterValidator(without_credentials)] = Field(
        pattern=_MAIL,
        max_length=2048,
        description="The mail server: smtp://host:587 for STARTTLS, or smtps://host:465.",
        examples=["smtp://mail.example.org:587"],
    )
    from_: Address = Field(alias="from")
    to: tuple[Address, ...] = Field(min_length=1, max_length=50)
    username: str | None = Field(default=None, min_length=1, max_length=254)
    password_file: str | None = Field(
        default=None, description="A file holding the user's password."
    )
    starttls: bool = Field(
        default=True, description="Off: smtp:// stays in clear text, for a relay close by."
    )

    @model_validator(mode="after")
    def _no_password_in_clear_text(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file belong together")
        if self.username and not self.starttls and self.url.startswith("smtp://"):
            raise ValueError("a password is not sent in clear text: leave starttls on")
        return self


class Kafka(Strict):
    """A topic of the cluster that Driftmeter itself uses."""

    topic: str = Field(
        pattern=r"^[A-Za-z0-9._-]{1,249}$",
        description="Gets the CloudEvents that webhooks are sent, keyed by alert.",
        examples=["model-alerts"],
    )


class Grafana(Strict):
    """Annotations: an incident is a region of time on every panel that shows the tag."""

    url: Url
    token_file: str = Field(
        description="A file holding a service account's token that may write annotations."
    )
    dashboard_uid: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{1,40}$",
        description="Only on this dashboard; without it, on every one that asks for the tag.",
    )


class Template(Strict):
    """Words of your own: text in which {field} is replaced, of the fields in docs/channels.md."""

    title: Words | None = Field(
        default=None, examples=["[{severity}] {monitor}: {cause} in {columns}"]
    )
    text: Words | None = Field(default=None, examples=["{lines}\nRunbook: {runbook}"])


Settings = Alertmanager | Slack | Teams | PagerDuty | Opsgenie | Email | Kafka | Grafana


class Channel(Strict):
    """One way to tell somebody: a name, and the settings under the key of its kind."""

    name: str = Field(pattern=NAME_PATTERN)
    timeout: Timeout = 15.0
    template: Template | None = None
    alertmanager: Alertmanager | None = None
    email: Email | None = None
    grafana: Grafana | None = None
    kafka: Kafka | None = None
    opsgenie: Opsgenie | None = None
    pagerduty: PagerDuty | None = None
    slack: Slack | None = None
    teams: Teams | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self._given()) != 1:
            *most, last = KINDS
            raise ValueError(f"give exactly one of {', '.join(most)} and {last}")
        if self.kafka and self.template:
            raise ValueError("what goes to Kafka is an event, and has no words to change")
        return self

    @property
    def kind(self) -> str:
        [kind] = self._given()
        return kind

    @property
    def settings(self) -> Settings:
        settings: Settings = getattr(self, self.kind)
        return settings

    def target(self) -> dict[str, object]:
        """What `alerts.channels.open` makes the channel of."""
        settings = self.settings.model_dump(mode="json", by_alias=True)
        template = {"template": self.template.model_dump()} if self.template else {}
        return {"kind": self.kind, "timeout_s": self.timeout, **settings, **template}

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Replicas are places of their own: one that is dead does not delay the others."""
        target = self.target()
        if self.alertmanager is None:
            return (Endpoint(self.name, target),)
        del target["urls"]
        return tuple(
            Endpoint(f"{self.name}/{n}", {**target, "url": url})
            for n, url in enumerate(self.alertmanager.urls, 1)
        )

    def _given(self) -> list[str]:
        return [kind for kind in KINDS if getattr(self, kind) is not None]


KINDS = tuple(sorted(set(Channel.model_fields) - {"name", "timeout", "template"}))


def _distinct(webhooks: tuple[Webhook, ...]) -> tuple[Webhook, ...]:
    if len({webhook.name for webhook in webhooks}) < len(webhooks):
        raise ValueError("webhooks need distinct names")
    return webhooks


Webhooks = Annotated[tuple[Webhook, ...], Field(max_length=20), AfterValidator(_distinct)]
