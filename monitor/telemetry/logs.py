"""How every role logs: one event a line on stderr, libraries only when something is wrong.

DRIFTMETER_LOG_FORMAT is `plain`, for people, or `json`, for what collects logs. What is logged
names monitors, columns and places in Kafka, never values of rows.
"""

import json
import logging
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from traceback import format_tb
from types import TracebackType

FORMAT = "DRIFTMETER_LOG_FORMAT"

PER_MINUTE = 20
"""Of one kind: a logger's message without what is filled in."""

_MOST_KINDS = 1000


def configure(environment: Mapping[str, str] = os.environ) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(environment.get(FORMAT, "plain")))
    handler.addFilter(is_news)
    handler.addFilter(RateLimit(time.monotonic))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for library in ("kafka", "uvicorn", "httpx2"):
        logging.getLogger(library).setLevel(logging.ERROR)


def is_news(record: logging.LogRecord) -> bool:
    """Not what Kafka's client says of each attempt at a broker that is not there: whoever gives up
    says so in one line. Why else it cannot connect is told nowhere but here."""
    of_an_attempt = record.name.startswith("kafka.net.") and not record.exc_info
    return not (of_an_attempt and any(one in record.getMessage() for one in _NOT_THERE))


_NOT_THERE = ("ECONNREFUSED", "Unable to bootstrap")


def formatter(name: str) -> logging.Formatter:
    """JSON if it is asked for; a format that nobody knows is plain, rather than no log."""
    return Json() if name.strip().lower() == "json" else Plain()


_OWN_WORDS = ("monitor", "alerts", "detectors", "kafka", "sqlalchemy")
"""Packages whose errors say what is wrong without quoting rows."""

_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def told(error: BaseException) -> str:
    """An error as Python tells it; of most kinds not the message, which may quote a row.

    "could not convert string to float: 'Jane'" becomes ValueError, with where it was raised.
    """
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    led = f"{told(before)}\nwhich led to\n" if before else ""
    kind = type(error)
    is_ours = isinstance(error, OSError) or kind.__module__.partition(".")[0] in _OWN_WORDS
    message = f": {error}" if is_ours and str(error) else ""
    return f"{led}{''.join(format_tb(error.__traceback__))}{kind.__qualname__}{message}"


class Plain(logging.Formatter):
    """For people: a line for the event, and more only for a traceback."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatException(self, ei: _Raised) -> str:  # noqa: N802  its name there
        return told(ei[1]) if ei[1] else ""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  its name there
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")


class Json(logging.Formatter):
    """One object a line, with the ids of the trace in which it happened, where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1]:
            event["error"] = told(record.exc_info[1])
        return json.dumps(event | _trace())


def _trace() -> dict[str, str]:
    """Of the current span. The proxy traces nothing, and does without OpenTelemetry's modules."""
    api = sys.modules.get("opentelemetry.trace")
    span = api.get_current_span().get_span_context() if api else None
    if span is None or not span.is_valid:
        return {}
    return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}


@dataclass(slots=True)
class _Kind:
    begun: float
    n: int = 0


class RateLimit(logging.Filter):
    """Passes so many events of a kind a minute; the next minute's first says how many did not pass.

    clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: OrderedDict[tuple[str, str], _Kind] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        key, now = (record.name, str(record.msg)), self._clock()
        kind = self._kinds.setdefault(key, _Kind(now))
        self._kinds.move_to_end(key)
        if len(self._kinds) > _MOST_KINDS:
            self._kinds.popitem(last=False)
        if now - kind.begun >= 60.0:
            n_held = kind.n - PER_MINUTE
            kind.begun, kind.n = now, 0
            if n_held > 0:
                record.msg, record.args = f"{record.getMessage()} (and {n_held} more like it)", ()
        kind.n += 1
        return kind.n <= PER_MINUTE
