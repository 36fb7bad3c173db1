"""Many alerts in one message."""

from dataclasses import replace

from alerts.channels.message import Message
from alerts.channels.template import Template
from alerts.digest import MAX_LISTED, TYPE, digest
from alerts.notification import Notification, Origin, notification
from tests.alerts.reports import firing


def of(monitor: str, severity: str = "warning") -> Notification:
    made = notification(firing(monitor), Origin(), id=f"t_{monitor}", type="fires", at=1.0)
    return replace(made, data={**made.data, "severity": severity})


def test_it_is_of_its_worst_alert_and_lists_all() -> None:
    made = digest([of("a"), of("b", "critical"), of("c")], id="digest_1")
    assert (made.type, made.id, made.monitor) == (TYPE, "digest_1", "b")
    assert [one["monitor"] for one in made.data["digest"]] == ["a", "b", "c"]


def test_more_is_added_under_the_same_id() -> None:
    first = digest([of("a", "critical")], id="digest_1")
    made = digest([of("b")], id="digest_1", before=first)
    assert (made.id, made.monitor) == ("digest_1", "a")
    assert [one["monitor"] for one in made.data["digest"]] == ["a", "b"]


def test_it_says_how_many_of_whom_and_the_worst_first() -> None:
    made = digest([of(name) for name in "abc"] + [of("d", "critical")], id="digest_1")
    message = Message.of(made)
    assert message.title == "4 alerts of 4 monitors: a, b, c and 1 more"
    assert message.lines[0] == "d: drift is firing (critical): strong window"
    assert len(message.lines) == 4


def test_words_of_ones_own_are_for_one_alert() -> None:
    made = digest([of("a"), of("b")], id="digest_1")
    assert Template(title="{monitor} drifts")(made) == Message.of(made)


def test_a_digest_is_bounded_and_counts_the_rest() -> None:
    made = None
    for i in range(3):
        told = [of(f"m{i}-{j}") for j in range(MAX_LISTED)]
        made = digest(told, id="digest_1", before=made)
    assert made is not None
    assert (len(made.data["digest"]), made.data["digest_omitted"]) == (MAX_LISTED, 2 * MAX_LISTED)
    assert len(made.body()) < 20_000
    assert Message.of(made).lines[-1] == f"{2 * MAX_LISTED} more alerts"


def test_a_digest_is_read_as_it_was_written() -> None:
    made = digest([of("a")], id="digest_1")
    assert Notification.from_json(made.to_json()) == made
