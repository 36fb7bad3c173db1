"""The words that people read, and their bounds."""

import pytest

from alerts.channels.message import Message, clipped_to
from alerts.notification import Notification
from tests.alerts.channels import told

WINDOW = "Latest bad window: 1970-01-05 00:00 to 1970-01-06 00:00 UTC"


def test_a_title_says_what_and_where() -> None:
    assert Message.of(told.FIRING).title == "Drift of free-seats: boarded, delay"
    assert Message.of(told.BARE).title == "Drift of free-seats"
    assert Message.of(told.RESOLVED).title == "Resolved: drift of free-seats"


def test_columns_beyond_two_are_counted_with_those_left_out() -> None:
    n_more = len(told.LARGEST.data["columns"]) + told.LARGEST.data["columns_omitted"] - 2
    assert n_more == 18
    assert Message.of(told.LARGEST).title.endswith(" and 18 more")


def test_lines_say_from_what_to_what() -> None:
    assert Message.of(told.FIRING).lines == (
        f"{WINDOW}, 500 rows (strong window)",
        "boarded: mean 14 → 2 (1.5 sd)",
        "delay: mean 14 → 2 (1.5 sd)",
        "Outliers: 25.0% of the rows",
        "Expected mae: 4 → 9",
        "Realised mae: 4 → 9",
    )


def test_the_text_ends_in_the_link() -> None:
    assert Message.of(told.FIRING).text().splitlines()[-1] == (
        "https://driftmeter.example/monitors/free-seats"
    )
    assert Message.of(told.BARE).link is None


@pytest.mark.parametrize("notification", told.ALL.values(), ids=told.ALL)
def test_no_line_breaks_whatever_columns_are_named(notification: Notification) -> None:
    message = Message.of(notification)
    assert all(part.isprintable() for part in (message.title, *message.lines))


def test_clipped_text_says_that_it_is() -> None:
    assert clipped_to("abcd", 4) == "abcd"
    assert clipped_to("abcde", 4) == "abc…"
