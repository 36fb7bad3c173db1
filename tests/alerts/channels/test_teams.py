"""The message for Teams against the published schema of Adaptive Cards 1.4 and Teams' limit.

https://adaptivecards.io/schemas/adaptive-card.json,
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

import orjson
import pytest

from alerts.channels.teams import Teams
from alerts.notification import Notification
from tests.alerts.channels import told
from tests.alerts.channels.told import check, exactly, text

TEAMS = Teams(url="https://teams.example")

RUN = {
    "type": "object",
    "required": ["type", "text"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "TextRun"},
        "text": text(28_000),
        "size": {"enum": ["default", "small", "medium", "large", "extraLarge"]},
        "weight": {"enum": ["default", "lighter", "bolder"]},
        "color": {"enum": ["default", "dark", "light", "accent", "good", "warning", "attention"]},
    },
}
BLOCK = exactly(
    type={"const": "RichTextBlock"}, inlines={"type": "array", "items": RUN, "minItems": 1}
)
ACTION = exactly(
    type={"const": "Action.OpenUrl"}, title=text(100), url={"pattern": "^https?://", **text(2000)}
)
CARD = exactly(
    **{"$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"}},
    type={"const": "AdaptiveCard"},
    version={"const": "1.4"},
    body={"type": "array", "items": BLOCK, "minItems": 2},
    actions={"type": "array", "items": ACTION},
)
SCHEMA = exactly(
    type={"const": "message"},
    attachments={
        "type": "array",
        "minItems": 1,
        "maxItems": 1,
        "items": exactly(
            contentType={"const": "application/vnd.microsoft.card.adaptive"},
            contentUrl={"type": "null"},
            content=CARD,
        ),
    },
)


@pytest.mark.parametrize("notification", told.ALL.values(), ids=told.ALL)
def test_the_body_is_an_adaptive_card_in_a_message(notification: Notification) -> None:
    check(TEAMS.body(notification), SCHEMA)


def test_the_largest_message_is_within_the_limit_of_teams() -> None:
    assert len(orjson.dumps(TEAMS.body(told.LARGEST))) < 28_000


def test_good_news_is_green_and_bad_news_red() -> None:
    def color(notification: Notification) -> str:
        card = TEAMS.body(notification)["attachments"][0]["content"]
        return str(card["body"][0]["inlines"][0]["color"])

    assert (color(told.FIRING), color(told.RESOLVED)) == ("attention", "good")
