"""What docs/webhooks.md shows is what is sent, and its receiver works."""

import json
import re
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerts.delivery import LADDER_S
from alerts.facts import Facts
from alerts.notification import Origin, announce
from alerts.state import State, Transition
from alerts.webhooks import new_secret, sign
from detectors.report import Explanation, Shift
from tests.alerts.reports import drifting, firing

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def shape(value: Any) -> Any:
    """The names and types within a JSON value; lists by their first item."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value)


def test_the_example_has_the_shape_of_what_is_sent() -> None:
    report = drifting()
    explained = Explanation(shift=Shift.COVARIATE, because="inputs moved: a", movements=())
    facts = Facts.of(replace(report, realised=report.expected, explanation=explained))
    origin = Origin(
        labels={"owner": "transport"}, revision=3, reference_id="sha256:5f1c", base_url="https://d"
    )
    fired = Transition(id="transition_1", state=State.FIRING, at=0.0)
    sent = announce(firing(facts=facts), fired, origin)
    assert sent is not None
    assert shape(json.loads(block("json"))) == shape(json.loads(sent.body()))


def test_the_receiver_of_the_page_verifies_what_we_sign() -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    secret, body = new_secret(secrets.token_bytes), block("json").encode()
    headers = sign(secret, "transition_1", time.time(), body)
    assert names["receive"](secret, headers, body) == json.loads(body)
    with pytest.raises(Exception, match="signature"):
        names["receive"](secret, headers, body + b" ")


def test_the_ladder_of_the_page_is_the_ladder() -> None:
    (told,) = re.findall(r"tried again after (.*?), each", PAGE)
    units = {"s": 1, "min": 60, "h": 3600}
    waits = [int(n) * units[unit] for n, unit in re.findall(r"(\d+) (s|min|h)\b", told)]
    assert waits == list(LADDER_S)
