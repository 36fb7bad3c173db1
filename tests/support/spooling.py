"""What tests do with a spool."""

from collections.abc import Iterable

from monitor.spool import Spool

READ_BYTES = 2000


def store(spool: Spool, *payloads: bytes) -> int:
    """Waits until they are safe."""
    return spool.append(payloads).result(60)


def stored(spool: Spool, after: int | None = None) -> dict[int, bytes]:
    """All that there is to deliver, by sequence number."""
    place = spool.delivered if after is None else after
    found: dict[int, bytes] = {}
    while records := spool.read(place, READ_BYTES):
        found.update(records)
        place = records[-1].sequence
    return found


def numbered(payloads: Iterable[bytes], first: int = 1) -> dict[int, bytes]:
    return dict(enumerate(payloads, first))
