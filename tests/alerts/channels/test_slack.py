"""Slack's body against the published limits of its blocks.

https://docs.slack.dev/reference/block-kit/blocks/header-block,
https://docs.slack.dev/reference/block-kit/composition-objects/text-object
"""

import pytest

from alerts.channels import slack
from alerts.channels.message import Message
from alerts.notification import Notification
from tests.alerts.channels import told
from tests.alerts.channels.told import check, exactly, text


def plain(limit: int) -> dict[str, object]:
    return exactly(type={"const": "plain_text"}, text=text(limit), emoji={"const": False})


HEADER = exactly(type={"const": "header"}, text=plain(150))
LINES = exactly(type={"const": "section"}, text=plain(3000))
LINK = exactly(
    type={"const": "section"},
    text=exactly(type={"const": "mrkdwn"}, text={"pattern": r"^<https://[^|<>]+\|[^<>]+>$"}),
)
SCHEMA = exactly(
    text=text(40_000),
    blocks={"prefixItems": [HEADER, LINES, LINK], "items": False, "minItems": 2},
)


@pytest.mark.parametrize("notification", told.ALL.values(), ids=told.ALL)
def test_the_body_is_what_slack_describes(notification: Notification) -> None:
    check(slack.body(Message.of(notification)), SCHEMA)


def test_no_column_can_mention_everybody() -> None:
    assert "<!channel>" not in slack.body(Message.of(told.LARGEST))["text"]
    assert "&lt;!channel&gt;&amp;" in slack.body(Message.of(told.LARGEST))["text"]
