"""Channels as they are declared: one kind each, and files instead of secrets."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from alerts.channels import KINDS as OPENED
from monitor.spec.alerting import Alerts
from monitor.spec.channels import KINDS, Channel

PAGE = (Path(__file__).parents[3] / "docs" / "channels.md").read_text(encoding="utf-8")
MAIL = {"url": "smtp://mail.example.org:587", "from": "a@example.org", "to": ["b@example.org"]}

SETTINGS: dict[str, dict[str, Any]] = {
    "alertmanager": {"urls": ["http://alertmanager:9093"]},
    "email": MAIL,
    "grafana": {"url": "https://grafana.example.org", "token_file": "/token"},
    "kafka": {"topic": "model-alerts"},
    "opsgenie": {"api_key_file": "/key"},
    "pagerduty": {"routing_key_file": "/key"},
    "slack": {"url_file": "/url"},
    "teams": {"url_file": "/url"},
}


def channel(**settings: Any) -> Channel:
    return Channel.model_validate({"name": "ops", **settings})


def test_what_can_be_declared_can_be_opened() -> None:
    assert set(KINDS) == set(SETTINGS) == set(OPENED) - {"webhook"}


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_target_has_the_kind_and_all_settings(kind: str) -> None:
    target = channel(timeout="5s", **{kind: SETTINGS[kind]}).target()
    assert (target["kind"], target["timeout_s"]) == (kind, 5.0)
    assert target | SETTINGS[kind] == target


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"slack": {"url_file": "/url"}, "teams": {"url_file": "/url"}},
        {"slack": None},
        {"slack": {"url": "https://hooks.slack.example/secret"}},
        {"carrier-pigeon": {}},
        {"alertmanager": {"urls": []}},
        {"alertmanager": {"urls": ["file:///etc/passwd"]}},
        {"pagerduty": {"routing_key_file": "/key", "severity": "fatal"}},
        {"email": MAIL | {"url": "https://mail.example.org"}},
        {"email": MAIL | {"url": "smtp://drift:hidden@mail.example.org:587"}},
        {"alertmanager": {"urls": ["https://drift:hidden@alertmanager:9093"]}},
        {"email": MAIL | {"to": ["a@example.org\r\nBcc: c@example.org"]}},
        {"email": MAIL | {"to": ["a@example.org, c@example.org"]}},
        {"email": MAIL | {"username": "drift"}},
        {"email": MAIL | {"username": "drift", "password_file": "/p", "starttls": False}},
        {"slack": {"url_file": "/url"}, "timeout": "31s"},
        {"slack": {"url_file": "/url"}, "template": {"title": "{monitor.name}"}},
        {"slack": {"url_file": "/url"}, "template": {"text": "{cause"}},
        {"kafka": {"topic": "two words"}},
        {"kafka": {"topic": "t"}, "template": {"title": "of a record?"}},
        {"grafana": {"url": "https://g.example", "token": "secret"}},
    ],
)
def test_what_could_not_work_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        channel(**settings)


def test_the_kinds_are_named_when_there_is_none() -> None:
    with pytest.raises(ValidationError, match=r"exactly one of alertmanager, email, .* and teams"):
        channel()


def test_channels_and_webhooks_of_a_monitor_have_distinct_names() -> None:
    told = {
        "webhooks": [{"name": "ops", "url": "https://example.org", "secret_file": "/secret"}],
        "channels": [{"name": "ops", "slack": {"url_file": "/url"}}],
    }
    with pytest.raises(ValidationError, match="distinct names"):
        Alerts.model_validate(told)


def test_the_page_shows_every_kind_as_it_is_declared() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    shown = [channel(**yaml.safe_load(block)) for block in blocks if "apiVersion" not in block]
    assert sorted(one.kind for one in shown) == sorted(KINDS)
