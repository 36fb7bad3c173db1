import logging
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace

from monitor.telemetry.logs import PER_MINUTE, Json, Plain, RateLimit, formatter


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


def test_an_error_s_traceback_stays_on_the_line() -> None:
    assert "ZeroDivisionError: by 0" in read(event("x", error=ZeroDivisionError("by 0")))["error"]


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
