import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from sqlalchemy import text

from monitor.kafka.connecting import BrokerUnavailableError
from monitor.sql.database import open_database
from monitor.telemetry.logs import (
    FORMAT,
    PER_MINUTE,
    Json,
    Plain,
    RateLimit,
    formatter,
    is_news,
    told,
)


def event(message: str, *args: object, error: Exception | None = None) -> logging.LogRecord:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("monitor.x", logging.WARNING, "x.py", 1, message, args, exc_info)


def read(record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(Json().format(record))
    return found


def test_an_event_is_an_object_on_a_line() -> None:
    found = read(event("%s: the column %r is new", "seats", "a"))
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "warning",
        "logger": "monitor.x",
        "message": "seats: the column 'a' is new",
    }


@given(st.text(st.characters()))
def test_no_message_becomes_two_lines(text: str) -> None:
    assert "\n" not in Plain().format(event("%s", text))
    assert "\n" not in Json().format(event("%s", text))


def test_a_trace_is_named() -> None:
    span = trace.NonRecordingSpan(trace.SpanContext(trace_id=7, span_id=9, is_remote=False))
    with trace.use_span(span):
        found = read(event("x"))
    assert (found["trace_id"], found["span_id"]) == (f"{7:032x}", f"{9:016x}")


def raised(work: Callable[[], object]) -> Exception:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - whatever it is, the test logs it
        return error
    raise AssertionError("nothing was raised")


def test_an_error_s_traceback_stays_on_the_line() -> None:
    found = read(event("x", error=raised(lambda: 1 / 0)))["error"]
    assert "in <lambda>" in found
    assert found.endswith("ZeroDivisionError")


JANE = bytes.fromhex("4a616e65").decode()
"""In no line of code, for a traceback quotes those."""


def test_what_a_row_holds_is_not_quoted_by_an_error() -> None:
    def of_rows() -> None:
        try:
            float(JANE)
        except ValueError as error:
            raise KeyError(JANE) from error

    for made in (Json(), Plain()):
        line = made.format(event("x", error=raised(of_rows)))
        assert JANE not in line
        assert "ValueError" in line
        assert "KeyError" in line


def test_what_a_disk_or_a_broker_says_is_told() -> None:
    assert "the disk is full" in told(OSError("the disk is full"))
    assert "no broker" in told(BrokerUnavailableError("no broker"))


def test_a_database_s_error_names_no_values(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'driftmeter.db'}")
    with database.write() as connection:
        error = raised(lambda: connection.execute(text("SELECT :a FROM nowhere"), {"a": JANE}))
    assert "no such table" in told(error)
    assert JANE not in told(error)


def test_a_process_logs_as_its_environment_says() -> None:
    program = (
        "import logging; from monitor.telemetry import logs; logs.configure()\n"
        f"for i in range({PER_MINUTE + 5}): logging.warning('lost %d', i)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, FORMAT: "json"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    events = [orjson.loads(line) for line in done.stderr.splitlines()]
    assert [one["message"] for one in events] == [f"lost {i}" for i in range(PER_MINUTE)]
    assert done.stdout == b""


def test_a_format_that_nobody_knows_is_plain() -> None:
    assert isinstance(formatter("JSON "), Json)
    assert isinstance(formatter("xml"), Plain)


def test_events_of_a_kind_are_held_back_and_counted() -> None:
    now = 0.0
    limit = RateLimit(lambda: now)
    passed = [limit.filter(event("lost %d", i)) for i in range(PER_MINUTE + 5)]
    assert passed == [True] * PER_MINUTE + [False] * 5
    assert limit.filter(event("something else"))
    now = 60.0
    told = event("lost %d", 99)
    assert limit.filter(told)
    assert told.getMessage() == "lost 99 (and 5 more like it)"
    assert limit.filter(event("lost %d", 100))


def test_kinds_are_bounded() -> None:
    limit = RateLimit(lambda: 0.0)
    assert all(limit.filter(event(f"kind {i}")) for i in range(3000))
    assert len(limit._kinds) <= 1000


@pytest.mark.parametrize(
    ("name", "message", "said"),
    [
        ("kafka.net.manager", "Connection failed: KafkaConnectionError: 111 ECONNREFUSED", False),
        ("kafka.net.manager", "Bootstrap failed: Unable to bootstrap from ['kafka:9092']", False),
        ("kafka.net.manager", "Connection failed: SaslAuthenticationFailedError", True),
        ("kafka.cluster", "Metadata refresh: failed KafkaConnectionError: 111 ECONNREFUSED", True),
    ],
)
def test_a_broker_that_was_never_there_is_left_to_whoever_gives_up(
    name: str, message: str, said: bool
) -> None:
    record = logging.LogRecord(name, logging.ERROR, "x.py", 1, "%s", (message,), None)
    assert is_news(record) is said
