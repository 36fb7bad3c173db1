"""From an outbox row's target to a channel, with secrets read from their files."""

from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import pytest

from alerts import channels
from alerts.channels import KINDS
from alerts.channels.settings import SecretFileError
from alerts.guard import Guard
from tests.alerts.channels import told

TARGETS: dict[str, dict[str, Any]] = {
    "alertmanager": {"url": "http://one:9093"},
    "email": {
        "url": "smtp://mail.example",
        "from": "a@example.org",
        "to": ["b@example.org"],
        "starttls": True,
        "username": "user",
        "password_file": "FILE",
    },
    "grafana": {"url": "https://g.example", "token_file": "FILE", "dashboard_uid": None},
    "kafka": {"topic": "model-alerts"},
    "opsgenie": {"url": "https://o.example", "api_key_file": "FILE", "priority": "P1"},
    "pagerduty": {"url": "https://p.example", "routing_key_file": "FILE", "severity": "error"},
    "slack": {"url_file": "FILE"},
    "teams": {"url_file": "FILE"},
    "webhook": {"url": "https://w.example", "secret_file": "FILE"},
}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WITH_SECRET = sorted(set(TARGETS) - {"alertmanager", "kafka"})
WITH_WORDS = sorted(set(TARGETS) - {"kafka", "webhook"})


def target(kind: str, file: Path) -> dict[str, Any]:
    settings = {k: str(file) if v == "FILE" else v for k, v in TARGETS[kind].items()}
    return {"kind": kind, "timeout_s": 7.0, **settings}


def test_every_kind_is_opened_here() -> None:
    assert set(TARGETS) == set(KINDS)


@pytest.mark.parametrize("kind", TARGETS)
def test_a_target_is_opened_as_its_kind(kind: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    guard = Guard()
    channel: Any = channels.open(target(kind, tmp_path / "secret"), guard)
    assert type(channel) is cast("Any", KINDS[kind])
    assert (channel.egress.timeout_s, channel.egress.guard) == (7.0, guard)
    assert SECRET not in repr(channel)


@pytest.mark.parametrize("kind", WITH_SECRET)
@pytest.mark.parametrize("content", [None, b"", b" \n", b"secret\xff", b"secret\nX: two lines"])
def test_a_secret_that_is_none_is_named_by_its_file_alone(
    kind: str, content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SecretFileError, match="file cannot be used") as refused:
        channels.open(target(kind, file), Guard())
    assert "X:" not in str(refused.value)


def test_a_password_may_hold_what_a_key_may_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("ein schönes Wort\n", encoding="utf-8")
    channels.open(target("email", tmp_path / "file"), Guard())
    with pytest.raises(SecretFileError, match="not one ASCII word"):
        channels.open(target("opsgenie", tmp_path / "file"), Guard())


def test_mail_without_a_user_needs_no_file(tmp_path: Path) -> None:
    anonymous = target("email", tmp_path / "none") | {"username": None, "password_file": None}
    assert "username=None" in repr(channels.open(anonymous, Guard()))


@pytest.mark.parametrize("kind", WITH_SECRET)
def test_a_secret_that_is_rotated_counts_from_the_next_attempt_on(
    kind: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    opened = []
    for secret in (SECRET, SECRET[:-1] + "A"):
        file.write_text(secret)
        opened.append(secrets_of(channels.open(target(kind, file), Guard())))
    assert opened == [{SECRET}, {SECRET[:-1] + "A"}]


def secrets_of(channel: Any) -> set[str]:
    """What a channel holds and does not show."""
    return {getattr(channel, field.name) for field in fields(channel) if not field.repr}


@pytest.mark.parametrize("kind", WITH_WORDS)
def test_a_template_is_what_its_channel_says(kind: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    template = {"title": "Look at {monitor}", "text": None}
    settings = target(kind, tmp_path / "secret") | {"template": template}
    channel: Any = channels.open(settings, Guard())
    assert channel.words(told.FIRING).title == "Look at free-seats"
