"""The words that people read, and their bounds."""

from dataclasses import replace

import pytest

from alerts.channels.message import Message, clipped_to
from alerts.facts import Facts, Measured
from alerts.notification import Notification, Origin, announce
from alerts.state import Alert, Transition
from alerts.words import Cause, Finding, State
from tests.alerts.channels import told
from tests.alerts.reports import firing

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


def test_trouble_of_our_own_says_with_whom_and_since_when() -> None:
    facts = Facts(n_rows=0, evidence=None, threshold=None, because="team (slack) is called no more")
    alert = replace(
        firing(facts=facts),
        cause=Cause.PIPELINE,
        rule="team",
        reason=Finding.SWITCHED_OFF,
    )
    message = Message.of(announced(alert))
    assert message.title == "Trouble with team of free-seats"
    assert message.lines == (
        "Since 1970-01-05 00:00 UTC: an endpoint was switched off",
        "Pipeline: team (slack) is called no more",
    )


def test_a_limit_that_was_passed_is_named_with_its_value() -> None:
    measured = Measured(statistic="missing", column="age", value=0.31, limit=0.2)
    facts = Facts(n_rows=9, evidence=None, threshold=None, measured=measured)
    alert = replace(firing(facts=facts), cause=Cause.THRESHOLD, rule="holes", reason=Finding.ABOVE)
    message = Message.of(announced(alert))
    assert message.title == "Threshold holes of free-seats"
    assert message.lines[1] == "missing of age: 0.31, the limit is 0.2"


def announced(alert: Alert) -> Notification:
    told = announce(alert, Transition.of(alert, State.FIRING, alert.firing_at or 0.0), Origin())
    assert told is not None
    return told
