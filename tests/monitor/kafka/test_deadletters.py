import re

import orjson
import pytest

from monitor import cli
from monitor.aggregate.reading import UnreadableError, dead_letter
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import DEADLY, Header, header
from monitor.kafka.publishing import Message, Publisher
from monitor.kafka.records import Record
from tests.support.kafka_topics import read_until

BYTES = bytes(range(256))


def run(broker: Broker, *words: str) -> int:
    flags = ("--broker", broker.servers[0], "--topic-prefix", broker.topics.prefix)
    return cli.main(["deadletters", words[0], *words[1:], *flags])


def set_aside(
    broker: Broker, *reasons: str, value: bytes = BYTES, offset: int | None = None, **more: bytes
) -> None:
    """A letter for each reason, of messages that lay in partition 2, one behind the other."""
    topics = broker.topics
    headers = [(Header.MONITOR.value, b"seats"), ("custom", BYTES), *more.items()]
    publisher = Publisher(broker, client_id="test")
    for i, reason in enumerate(reasons):
        place = i if offset is None else offset
        lay = Record(topics.predictions, 2, place, 1.0, value, headers)
        letter = dead_letter(topics.dead_letters, lay, UnreadableError("unreadable", reason))
        publisher.deliver([letter])
    publisher.close()


def came_back(broker: Broker, n: int) -> list[Record]:
    return read_until(broker, broker.topics.predictions, lambda found: len(found) >= n)


def test_without_letters_that_is_said(
    embedded_broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(embedded_broker, "list") == 0
    assert capsys.readouterr().out == "no dead letters\n"


def test_letters_are_listed_with_where_they_lay_and_why(
    embedded_broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    set_aside(embedded_broker, "not an Arrow stream", "row 3: has no id")
    assert run(embedded_broker, "list") == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "set", "aside", "monitor", "from", "why"]
    place = re.escape(f"{embedded_broker.topics.predictions}/2/0")
    assert re.fullmatch(rf"0 +\S+Z +seats +{place} +not an Arrow stream", first)
    assert second.endswith("row 3: has no id")


def test_a_letter_is_a_line_of_json(
    embedded_broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    set_aside(embedded_broker, "a", "b", "c")
    assert run(embedded_broker, "list", "--json", "--limit", "2", "--monitor", "seats") == 0
    told = [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["id"], one["reason"], one["bytes"]) for one in told] == [
        ("1", "b", 256),
        ("2", "c", 256),
    ]


@pytest.mark.parametrize(
    ("flags", "n"),
    [(["--monitor", "fares"], 0), (["--reason", "no id"], 1), (["--since", "1h"], 2)],
)
def test_letters_are_chosen_by_flags(
    embedded_broker: Broker, capsys: pytest.CaptureFixture[str], flags: list[str], n: int
) -> None:
    set_aside(embedded_broker, "row 3: has no id", "not JSON")
    assert run(embedded_broker, "list", "--json", *flags) == 0
    assert len(capsys.readouterr().out.splitlines()) == n


def test_a_letter_is_shown_and_a_terminal_does_not_act_on_it(
    embedded_broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    set_aside(embedded_broker, "evil \x1b[2J\nreason")
    assert run(embedded_broker, "show", "0") == 0
    shown = capsys.readouterr().out
    assert "reason   evil \\x1b[2J\\nreason\n" in shown
    assert all(c.isprintable() or c == "\n" for c in shown)


def test_the_bytes_come_out_as_they_came_in(
    embedded_broker: Broker, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    set_aside(embedded_broker, "unreadable")
    assert run(embedded_broker, "show", "0", "--raw") == 0
    assert capfdbinary.readouterr().out == BYTES


@pytest.mark.parametrize("words", [["show", "7"], ["replay", "7"]])
def test_a_letter_that_is_not_there_is_named(
    embedded_broker: Broker, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(embedded_broker, *words) == 2
    assert "7" in capsys.readouterr().err


def test_a_letter_goes_back_to_where_it_lay_as_it_was(embedded_broker: Broker) -> None:
    set_aside(embedded_broker, "unreadable", "unreadable", collector=b"c1", sequence=b"5")
    assert run(embedded_broker, "replay", "1") == 0
    (back,) = came_back(embedded_broker, 1)
    assert (back.partition, back.value) == (2, BYTES)
    assert back.headers == [(Header.MONITOR.value, b"seats"), ("custom", BYTES)]


def test_all_go_back_once_but_for_those_that_kill(
    embedded_broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    set_aside(embedded_broker, "unreadable", "unreadable", offset=4)
    set_aside(embedded_broker, DEADLY, offset=5)
    assert run(embedded_broker, "replay", "--all") == 0
    assert capsys.readouterr().out.endswith("\n1 sent back\n")
    assert len(came_back(embedded_broker, 1)) == 1


def test_a_dry_run_sends_nothing(
    embedded_broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    set_aside(embedded_broker, "unreadable")
    assert run(embedded_broker, "replay", "--all", "--dry-run") == 0
    assert capsys.readouterr().out.endswith("1 would be sent back\n")
    set_aside(embedded_broker, "marker", offset=9)
    assert run(embedded_broker, "replay", "1") == 0
    (back,) = came_back(embedded_broker, 1)
    assert header(back.headers, Header.MONITOR) == "seats"


def test_what_was_never_in_the_log_cannot_go_back(
    embedded_broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher = Publisher(embedded_broker, client_id="test")
    headers = [(Header.SOURCE.value, b"collector"), (Header.REASON.value, b"too large")]
    letter = Message(embedded_broker.topics.dead_letters, None, b"x", headers)
    publisher.deliver([letter])
    publisher.close()
    assert run(embedded_broker, "replay", "0") == 1
    assert "no place in the log" in capsys.readouterr().err


def test_nothing_is_sent_back_unless_it_is_said_what(
    embedded_broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(embedded_broker, "replay") == 2
    assert "--all" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["list"], ["show"], ["replay"]])
def test_help_teaches(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["deadletters", *words, "--help"])
    assert "usage: driftmeter deadletters" in capsys.readouterr().out


def test_the_examples_of_the_help_are_commands() -> None:
    for line in (
        "list",
        "list --monitor free-seats --since 24h --json",
        "show 17",
        "show 17 --raw",
        "replay 17 18",
        "replay --all --reason x --dry-run",
    ):
        assert callable(cli.parse(["deadletters", *line.split()]).run)
