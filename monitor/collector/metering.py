"""What each namespace may send through this collector: rows a second, and bytes on its disk."""

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable

from monitor.collector.answers import OverQuotaError
from monitor.collector.telemetry import Telemetry
from monitor.tenants.allowance import Allowances
from monitor.tenants.namespaces import namespace_of
from monitor.tenants.quotas import NoQuotas, QuotasInForce

FULL_WAIT_S = 5.0
"""After which somebody whose share of the disk is full may try again."""

Sized = tuple[str | None, int]
"""Whose a message is, by its monitor, and its bytes."""


class Metering:
    """Says who sends too much. Any thread may ask.

    What was on the disk when the process began is not counted as anybody's share.
    clock: seconds that never go back.
    """

    def __init__(
        self, quotas: QuotasInForce, telemetry: Telemetry, *, clock: Callable[[], float]
    ) -> None:
        self._quotas = quotas
        self._telemetry = telemetry
        self._rows = Allowances(quotas, clock=clock)
        self._spooled: Counter[str] = Counter()
        self._lock = threading.Lock()

    def wait_s(self, namespace: str) -> float:
        """Seconds until something of a namespace is taken again; 0 where it is now."""
        share, spooled = self._quotas.of(namespace).spool, self._spooled[namespace]
        is_full = share is not None and spooled >= share
        return max(FULL_WAIT_S if is_full else 0.0, self._rows.wait_s(namespace))

    def take(self, monitor: str, n_rows: int) -> None:
        """Counts rows of a monitor. Raises OverQuotaError where they are not to be taken."""
        namespace = namespace_of(monitor)
        quota = self._quotas.of(namespace)
        if quota.spool is None and quota.rows_per_second is None:
            return
        if wait_s := self.wait_s(namespace) or self._rows.take(monitor, n_rows):
            self._telemetry.over_quota.labels(namespace).inc(n_rows)
            raise OverQuotaError(namespace, math.ceil(wait_s))

    def charge(self, monitor: str, n_rows: int) -> None:
        """Counts rows that are taken in any case: what comes after them may have to wait."""
        self._rows.charge(monitor, n_rows)

    def spooled(self, messages: Iterable[Sized]) -> None:
        """They are on the disk now."""
        self._change(messages, 1)

    def left(self, messages: Iterable[Sized]) -> None:
        """They are on the disk no more."""
        self._change(messages, -1)

    def _change(self, messages: Iterable[Sized], sign: int) -> None:
        with self._lock:
            for monitor, size in messages:
                if monitor is None:
                    continue
                namespace = namespace_of(monitor)
                now = max(self._spooled[namespace] + sign * size, 0)
                self._spooled[namespace] = now
                self._telemetry.tenant_spool_bytes.labels(namespace).set(now)


def unmetered(telemetry: Telemetry) -> Metering:
    """For everybody as much as they like."""
    return Metering(NoQuotas(), telemetry, clock=lambda: 0.0)
