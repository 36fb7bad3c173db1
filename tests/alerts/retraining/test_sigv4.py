"""Signatures are those that AWS publishes.

The first three are of AWS's Signature Version 4 test suite, the last is the example of the IAM
user guide.
"""

from datetime import UTC, datetime

import pytest

from alerts.retraining.sigv4 import Key, Scope, signed

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
KEY = Key(id="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
SUITE = "https://example.amazonaws.com/"


@pytest.mark.parametrize(
    ("method", "url", "service", "headers", "signature"),
    [
        (
            "GET",
            SUITE,
            "service",
            {},
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "POST",
            SUITE,
            "service",
            {},
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "GET",
            f"{SUITE}?Param2=value2&Param1=value1",
            "service",
            {},
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "GET",
            "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
            "iam",
            FORM,
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ],
)
def test_a_signature_is_the_published_one(
    method: str, url: str, service: str, headers: dict[str, str], signature: str
) -> None:
    scope = Scope("us-east-1", service)
    sent = signed(KEY, scope, method=method, url=url, headers=headers, body=b"", now=NOW)
    assert sent["authorization"].rpartition("Signature=")[2] == signature
    assert sent["x-amz-date"] == "20150830T123600Z"


def test_a_temporary_credential_sends_and_signs_its_token() -> None:
    key = Key(id="AKIDEXAMPLE", secret="secret", token="session")
    scope = Scope("us-east-1", "service")
    sent = signed(key, scope, method="POST", url=SUITE, headers={}, body=b"{}", now=NOW)
    assert sent["x-amz-security-token"] == "session"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in sent["authorization"]


def test_a_key_shows_no_secret() -> None:
    assert "wJalr" not in repr(KEY)
