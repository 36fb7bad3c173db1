"""Requests that wait for the model's answer, which comes by another topic."""

from monitor.kafka.records import Partition, Record

OVERHEAD_BYTES = 1024

Key = tuple[str, str]
"""The model and the id of the request."""


class Requests:
    """Those of one member of the group; each is forgotten when its answer is delivered, or when
    nobody has answered for `wait_s`.

    Neither bound drops anything: who reads on while `is_full` would have to.
    """

    def __init__(
        self, *, wait_s: float = 60.0, max_n: int = 10_000, max_bytes: int = 32 * 1024 * 1024
    ) -> None:
        self._wait_s = wait_s
        self._max_n = max_n
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._waiting: dict[Key, tuple[Record, float]] = {}
        self._by_partition: dict[Partition, dict[int, Key]] = {}  # the oldest first

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= self._max_n or self._n_bytes >= self._max_bytes

    def add(self, key: Key, record: Record, *, elapsed: float) -> None:
        """elapsed: seconds of a clock that never goes back. Of a repeated id the first stays."""
        if key in self._waiting:
            return
        self._waiting[key] = (record, elapsed)
        self._n_bytes += _size(record)
        at = Partition(record.topic, record.partition)
        self._by_partition.setdefault(at, {})[record.offset] = key

    def get(self, key: Key) -> Record | None:
        found = self._waiting.get(key)
        return None if found is None else found[0]

    def forget(self, key: Key) -> None:
        found = self._waiting.pop(key, None)
        if found is not None:
            record, _ = found
            self._n_bytes -= _size(record)
            del self._by_partition[Partition(record.topic, record.partition)][record.offset]

    def expire(self, *, elapsed: float) -> None:
        """Forgets those that nobody has answered in time: of a failed call there is no answer."""
        while self._waiting:
            key, (_, since) = next(iter(self._waiting.items()))
            if since + self._wait_s > elapsed:
                return
            self.forget(key)

    def drop(self, partition: Partition) -> None:
        """Forgets those of a partition that is another member's now."""
        for key in list(self._by_partition.pop(partition, {}).values()):
            record, _ = self._waiting.pop(key)
            self._n_bytes -= _size(record)

    def clear(self) -> None:
        self._waiting.clear()
        self._by_partition.clear()
        self._n_bytes = 0

    def oldest(self, partition: Partition) -> int | None:
        """The offset of the oldest that waits: reading must begin there again after a crash."""
        return next(iter(self._by_partition.get(partition, {})), None)


def _size(record: Record) -> int:
    return len(record.value) + OVERHEAD_BYTES
