"""Ways to tell somebody, one module each; `open` makes the one that an outbox row asks for."""

from collections.abc import Mapping
from typing import Protocol

from alerts.channels import alertmanager
from alerts.channels.alertmanager import Alertmanager
from alerts.channels.email import Email
from alerts.channels.grafana import Grafana
from alerts.channels.kafka import Kafka
from alerts.channels.opsgenie import Opsgenie
from alerts.channels.pagerduty import PagerDuty
from alerts.channels.settings import SecretFileError, Settings
from alerts.channels.slack import Slack
from alerts.channels.teams import Teams
from alerts.channels.webhook import Webhook
from alerts.egress import Egress
from alerts.guard import Guard
from alerts.log import Log
from alerts.notification import Channel
from alerts.webhooks import SecretError


class _Kind(Protocol):
    def open(self, settings: Settings, egress: Egress, /) -> Channel: ...


KINDS: dict[str, _Kind] = {
    "alertmanager": Alertmanager,
    "email": Email,
    "grafana": Grafana,
    "kafka": Kafka,
    "opsgenie": Opsgenie,
    "pagerduty": PagerDuty,
    "slack": Slack,
    "teams": Teams,
    "webhook": Webhook,
}

REPEATED_S: Mapping[str, float] = {"alertmanager": alertmanager.REPEAT_S}
"""Kinds that forget what stands unless they are told again, and how often that is."""


def open(target: Settings, guard: Guard, log: Log | None = None) -> Channel:  # noqa: A001  as of files: it reads secrets
    """The channel of a target: its `kind`, its `timeout_s` and the settings of that kind.

    Secrets are read from their files now, so that one put there takes effect with the next
    attempt. Raises SecretFileError.
    """
    egress = Egress(guard=guard, timeout_s=target["timeout_s"], log=log)
    try:
        return KINDS[target["kind"]].open(target, egress)
    except SecretError as error:
        where = target["secret_file"]
        raise SecretFileError(f"the secret in {where} cannot be used: {error}") from None
