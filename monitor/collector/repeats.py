"""Pushes that come again: their senders did not hear that they were stored."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TypeVar

MAX_KEYS = 100_000
"""Remembered; the oldest is forgotten first."""

T = TypeVar("T")


class Repeats:
    """What has been stored under which key, or is being stored. Any thread may use it.

    known: keys of what is stored already, the oldest first.
    """

    def __init__(self, known: Iterable[str] = (), *, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._lock = threading.Lock()
        self._stored: OrderedDict[str, Future[int]] = OrderedDict()
        for key in known:
            self._remember(key, done(0))

    def once(self, key: str, store: Callable[[], Future[int]]) -> Future[int]:
        """What `store` returns, or has returned under this key; what failed is tried again."""
        with self._lock:
            known = self._stored.get(key)
            if known is not None and not (known.done() and known.exception()):
                return known
            future = store()
            self._remember(key, future)
            return future

    def _remember(self, key: str, future: Future[int]) -> None:
        self._stored[key] = future
        self._stored.move_to_end(key)
        if len(self._stored) > self._max_keys:
            self._stored.popitem(last=False)


def done(value: T) -> Future[T]:
    """A future that has ended."""
    future: Future[T] = Future()
    future.set_result(value)
    return future
