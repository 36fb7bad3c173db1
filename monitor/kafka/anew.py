"""Noticing that a topic that is read as a whole was made anew."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monitor.kafka.connecting import log_id


class Anew:
    """Whether a consumer reads another log than before under a topic's name: the topic was deleted
    and made again, or its broker has lost its memory.

    It is told by the topic's id, where the broker has any, or else by an end that lies before what
    was read.
    """

    def __init__(
        self, consumer: Any, topic: str, *, log_of: Callable[[Any, str], str] = log_id
    ) -> None:
        """log_of: which log a consumer reads under a topic's name; empty where it is not known."""
        self._consumer = consumer
        self._topic = topic
        self._log_of = log_of
        self._log = log_of(consumer, topic)
        self._next: dict[Any, int] = {}

    def has_come(self, polled: Mapping[Any, Sequence[Any]]) -> bool:
        """To be asked after every poll. If so, what was polled is worth nothing, and the consumer
        is to read from the beginning."""
        before, self._log = self._log, self._log_of(self._consumer, self._topic) or self._log
        if before not in ("", self._log) or self._ends_before_what_was_read():
            self._next.clear()
            return True
        self._next |= {at: records[-1].offset + 1 for at, records in polled.items()}
        return False

    def _ends_before_what_was_read(self) -> bool:
        ends = ((self._consumer.highwater(at), read) for at, read in self._next.items())
        return any(end is not None and end < read for end, read in ends)
