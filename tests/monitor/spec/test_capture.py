from typing import Any

import pytest
from pydantic import ValidationError

from monitor.spec.capture import Bucket, Capture, Truncate
from monitor.spec.model import Monitor


def monitor(**spec: Any) -> Monitor:
    return Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": "m"},
            "spec": {"reference": "first 1000", **spec},
        }
    )


def capture(**given: Any) -> Capture:
    return monitor(capture=given).spec.capture


@pytest.mark.parametrize("text", ["1 in 10", " 1  in 10 "])
def test_a_share_is_said_as_people_say_it(text: str) -> None:
    assert capture(sample=text).sample.one_in == 10


@pytest.mark.parametrize("text", ["10 %", "1 in 0", "2 in 3", "one in ten", "1 in 1000001"])
def test_a_share_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        capture(sample=text)


def test_every_rule_can_be_written() -> None:
    rules = {"a": "drop", "b": "hash", "c": {"bucket": 10}, "d": {"truncate": 3}}
    redact = capture(redact=rules).redact
    assert list(redact.values()) == ["drop", "hash", Bucket(bucket=10), Truncate(truncate=3)]


@pytest.mark.parametrize("rule", ["encrypt", {"bucket": 0}, {"truncate": 0}, {"bucket": 1, "x": 2}])
def test_a_rule_that_is_none_is_refused(rule: object) -> None:
    with pytest.raises(ValidationError):
        capture(redact={"a": rule})


@pytest.mark.parametrize("name", ["Authorization", "cookie", "Set-Cookie", "proxy-authorization"])
def test_headers_that_hold_credentials_never_leave(name: str) -> None:
    with pytest.raises(ValidationError, match="never leave"):
        capture(headers={name: "who"})


def test_the_label_has_no_rule_but_the_prediction_s() -> None:
    with pytest.raises(ValidationError, match="redact that"):
        monitor(label="truth", capture={"redact": {"truth": "hash"}})


def test_the_document_comes_back_as_it_was_written() -> None:
    written = monitor(capture={"sample": "1 in 10", "redact": {"age": {"bucket": 10}}})
    assert Monitor.model_validate(written.to_json()) == written
