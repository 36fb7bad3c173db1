"""How many rows a namespace may send now: so many a second, and those of ten seconds at once.

The generic cell rate algorithm (ITU-T I.371): one number a namespace, the time at which what it
has sent will have been due.
"""

import math
import threading
from collections.abc import Callable

from monitor.tenants.namespaces import namespace_of
from monitor.tenants.quotas import QuotasInForce

BURST_S = 10.0


class Allowances:
    """Of all namespaces that send here. Any thread may ask.

    clock: seconds that never go back.
    """

    def __init__(self, quotas: QuotasInForce, *, clock: Callable[[], float]) -> None:
        self._quotas = quotas
        self._clock = clock
        self._due: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait_s(self, namespace: str) -> float:
        """Seconds until rows of a namespace are taken again; 0 where they are now."""
        rate = self._quotas.of(namespace).rows_per_second
        if rate is None:
            return 0.0
        return max(self._due.get(namespace, -math.inf) - self._clock() - BURST_S, 0.0)

    def take(self, monitor: str, n_rows: int) -> float:
        """Counts rows of a monitor, unless they must wait: for so many seconds, 0 if they need not.

        Rows that are more than a burst are taken whole, and what comes after them waits for longer.
        """
        namespace = namespace_of(monitor)
        rate = self._quotas.of(namespace).rows_per_second
        if rate is None:
            return 0.0
        with self._lock:
            if wait_s := self.wait_s(namespace):
                return wait_s
            self._charge(namespace, n_rows / rate)
        return 0.0

    def charge(self, monitor: str, n_rows: int) -> None:
        """Counts rows that need not wait, whatever came before them."""
        namespace = namespace_of(monitor)
        if (rate := self._quotas.of(namespace).rows_per_second) is not None:
            with self._lock:
                self._charge(namespace, n_rows / rate)

    def _charge(self, namespace: str, seconds: float) -> None:
        now = self._clock()
        self._due[namespace] = max(self._due.get(namespace, now), now) + seconds
