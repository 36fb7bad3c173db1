"""What the proxy counts, without a metrics library: the recorder's process shows it."""

from bisect import bisect_left
from collections import Counter

from monitor.collector.frames import Counts

ADDED_LATENCY_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1)
"""Upper bounds of the histogram's buckets; above the last there is one more."""

REQUESTS, CAPTURED, RECORDED = "requests", "captured", "recorded"
DROPPED, FAILED, UNREAD = "dropped", "failed", "unread"
LATENCY, LATENCY_NS = "latency", "latency ns"


class Tally:
    """Totals since the start; counting a request costs half a microsecond."""

    def __init__(self) -> None:
        self.n_captured = 0
        self._by_status: Counter[int] = Counter()
        self._dropped: Counter[str] = Counter()
        self._unread: Counter[str] = Counter()
        self._latency = [0] * (len(ADDED_LATENCY_S) + 1)
        self._latency_ns = 0

    def request(self, status: int) -> None:
        self._by_status[status] += 1

    def added(self, seconds: float) -> None:
        """What a request spent in the proxy."""
        self._latency[bisect_left(ADDED_LATENCY_S, seconds)] += 1
        self._latency_ns += int(seconds * 1e9)

    def drop(self, reason: str, n: int = 1) -> None:
        self._dropped[reason] += n

    def unread(self, reason: str) -> None:
        """A gRPC connection is passed on without being read any more."""
        self._unread[reason] += 1

    def totals(self) -> Counts:
        counts: Counts = Counter({(CAPTURED, ""): self.n_captured})
        counts[LATENCY_NS, ""] = self._latency_ns
        counts.update({(REQUESTS, str(status)): n for status, n in self._by_status.items()})
        counts.update({(DROPPED, reason): n for reason, n in self._dropped.items()})
        counts.update({(UNREAD, reason): n for reason, n in self._unread.items()})
        counts.update({(LATENCY, str(i)): n for i, n in enumerate(self._latency)})
        return counts
