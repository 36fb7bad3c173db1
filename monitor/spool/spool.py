"""A queue on disk between those who hand in records and the one who delivers them."""

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from monitor.spool.cursor import Cursor
from monitor.spool.disk import Disk
from monitor.spool.errors import SpoolError, SpoolFailedError, SpoolFullError
from monitor.spool.format import Record
from monitor.spool.reader import Reader
from monitor.spool.recovery import recover, set_aside, survey
from monitor.spool.writer import Writer, stored_bytes

log = logging.getLogger(__name__)

SEGMENT_BYTES = 16 * 1024 * 1024
MIN_SEGMENTS = 4
"""The limit is at least so many segments, so that the one being written never fills it."""
COMMIT_BYTES = 4 * 1024 * 1024
COMMIT_REQUESTS = 512
PENDING_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class _Request:
    payloads: Sequence[bytes]
    size: int
    stored: Future[int] = field(default_factory=Future)


class Spool:
    """Records are stored in order and read in order until the cursor has passed them.

    Any thread may append; one thread of the spool's own writes, and whatever was handed in while
    it waited for the disk shares the next wait. One other thread reads and advances.

    limit_bytes: of all segments together; once they have so much, nothing is taken.
    """

    def __init__(
        self,
        disk: Disk,
        *,
        limit_bytes: int,
        segment_bytes: int = SEGMENT_BYTES,
        new_marker: Callable[[], int] = lambda: secrets.randbits(32),
    ) -> None:
        """Raises SpoolInUseError, SpoolVersionError, and OSError where the folder is unusable."""
        self._disk = disk
        disk.lock()
        try:
            found = survey(disk)
            self._cursor = Cursor.open(disk)
            self._segments, self.n_torn_bytes = recover(disk, found, self._cursor.sequence)
            self._drop_delivered()
        except (SpoolError, OSError):
            disk.close()
            raise
        self.limit_bytes = limit_bytes
        self._has_failed = False
        if not self._cursor.sequence:
            self._cursor.sequence = self._segments.first - 1
        self._reader = Reader(disk, self._segments, self._cursor.sequence + 1)
        segment_bytes = min(segment_bytes, limit_bytes // MIN_SEGMENTS)
        self._writer = Writer(
            disk, self._segments, segment_bytes=segment_bytes, new_marker=new_marker
        )
        lock = threading.Lock()
        self._handed_in = threading.Condition(lock)
        self._stored = threading.Condition(lock)
        self._requests: deque[_Request] = deque()
        self._n_pending_bytes = 0
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    @property
    def size_bytes(self) -> int:
        return self._segments.size_bytes

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt to write failed, and not because there was no room."""
        return self._has_failed or not self._thread.is_alive()

    @property
    def n_lost(self) -> int:
        """Records that were stored and turned out to be damaged when they were read."""
        return self._reader.n_lost

    @property
    def delivered(self) -> int:
        """The sequence number up to which all was delivered."""
        return self._cursor.sequence

    def append(self, payloads: Sequence[bytes]) -> Future[int]:
        """The future ends with the last sequence number once all payloads are safe.

        It ends with SpoolFullError or SpoolFailedError if none of them is; a later append may
        succeed. Raises SpoolFullError at once where there is no room for them.
        """
        request = _Request(payloads, stored_bytes(payloads))
        request.stored.set_running_or_notify_cancel()  # a caller that gives up changes nothing
        with self._handed_in:
            self._check_room(request.size)
            self._n_pending_bytes += request.size
            self._requests.append(request)
            self._handed_in.notify()
        return request.stored

    def _check_room(self, size: int) -> None:
        if self._is_closed:
            raise SpoolFailedError("the spool is closed")
        if self._n_pending_bytes + size > max(PENDING_BYTES, size):
            raise SpoolFullError(f"{self._n_pending_bytes} bytes wait for the disk")
        used = self._segments.size_bytes + self._n_pending_bytes
        if used + size > self.limit_bytes:
            raise SpoolFullError(f"{used} of {self.limit_bytes} bytes are used")

    def tail(self) -> list[Record]:
        """The records of the last two segments, delivered or not; before anything is appended.

        Every process begins a segment of its own: so whatever the two before this one wrote last is
        among them.
        """
        first = self._segments.tail(2)
        reader = Reader(self._disk, self._segments, first)
        records: list[Record] = []
        while found := reader.read(records[-1].sequence if records else first - 1, COMMIT_BYTES):
            records += found
        reader.close()
        return records

    def wait(self, after: int, timeout_s: float) -> bool:
        """Until a record after this one is safe, at most `timeout_s`; whether there is one."""
        with self._stored:
            return self._stored.wait_for(lambda: self._segments.following > after + 1, timeout_s)

    def read(self, after: int, max_bytes: int) -> list[Record]:
        """The records after this one, about `max_bytes` of them; one at least if there is one.

        Damaged records count as delivered where nothing else is left. Raises OSError.
        """
        records = self._reader.read(after, max_bytes)
        if not records and after == self.delivered:
            self.advance(self._reader.position)
        return records

    def advance(self, sequence: int) -> None:
        """All up to here was delivered: it is not read again after a crash. Raises OSError."""
        if sequence > self._cursor.sequence:
            self._cursor.move(sequence)  # on the disk before anything is unlinked
            self._drop_delivered()

    def _drop_delivered(self) -> None:
        gone = self._segments.before(self._cursor.sequence + 1)
        for segment in gone:
            if segment.is_damaged:
                set_aside(self._disk, segment)
            else:
                self._disk.unlink(segment.name)
            self._segments.remove(segment)
        if gone:
            self._disk.sync()

    def close(self) -> None:
        """Stores what was handed in and ends; lets another process have the folder."""
        with self._handed_in:
            if self._is_closed:
                return
            self._is_closed = True
            self._handed_in.notify()
        self._thread.join()
        self._writer.close()
        self._reader.close()
        self._cursor.close()
        self._disk.close()

    def _run(self) -> None:
        while requests := self._take():
            self._commit(requests)

    def _take(self) -> list[_Request]:
        """Waits for requests and takes what is there, up to a limit; nothing at the end."""
        with self._handed_in:
            self._handed_in.wait_for(lambda: self._requests or self._is_closed)
            taken: list[_Request] = []
            n_bytes = 0
            while self._requests and len(taken) < COMMIT_REQUESTS and n_bytes < COMMIT_BYTES:
                taken.append(self._requests.popleft())
                n_bytes += taken[-1].size
            return taken

    def _commit(self, requests: Sequence[_Request]) -> None:
        try:
            last = self._writer.append([p for request in requests for p in request.payloads])
        except SpoolError as error:
            self._settle(requests, has_failed=isinstance(error, SpoolFailedError))
            for request in requests:
                request.stored.set_exception(error)
            return
        self._settle(requests, has_failed=False)
        sequence = last - sum(len(request.payloads) for request in requests)
        for request in requests:
            sequence += len(request.payloads)
            request.stored.set_result(sequence)

    def _settle(self, requests: Sequence[_Request], *, has_failed: bool) -> None:
        with self._stored:
            self._has_failed = has_failed
            self._n_pending_bytes -= sum(request.size for request in requests)
            self._stored.notify_all()
