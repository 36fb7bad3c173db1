"""A spool does what a list would, whatever is done to it and in whatever order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from monitor.spool import Spool, SpoolFullError
from monitor.spool.simulated import SimulatedDisk
from tests.support.spooling import store

LIMIT_BYTES = 8192


class SpoolMachine(RuleBasedStateMachine):
    """The model: all payloads that were acknowledged, and how many of them were delivered."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = SimulatedDisk()
        self.payloads: list[bytes] = []
        self.delivered = 0
        self.read_to = 0
        self.open()

    def open(self) -> None:
        self.spool = Spool(self.disk, limit_bytes=LIMIT_BYTES, segment_bytes=700)

    def teardown(self) -> None:
        self.spool.close()

    @rule(payloads=st.lists(st.binary(max_size=300), max_size=5))
    def append(self, payloads: list[bytes]) -> None:
        try:
            last = store(self.spool, *payloads)
        except SpoolFullError:
            n_bytes = sum(len(payload) + 20 for payload in payloads)
            assert self.spool.size_bytes + n_bytes > LIMIT_BYTES
            return
        self.payloads += payloads
        assert last == len(self.payloads)

    @rule(max_bytes=st.integers(1, 2000))
    def read_on(self, max_bytes: int) -> None:
        self.read(self.read_to, max_bytes)

    @rule(data=st.data(), max_bytes=st.integers(1, 2000))
    def read_again(self, data: st.DataObject, max_bytes: int) -> None:
        self.read(data.draw(st.integers(self.delivered, len(self.payloads))), max_bytes)

    def read(self, after: int, max_bytes: int) -> None:
        records = self.spool.read(after, max_bytes)
        n = len(records)
        assert [r.sequence for r in records] == list(range(after + 1, after + 1 + n))
        assert [r.payload for r in records] == self.payloads[after : after + n]
        assert n or after == len(self.payloads)
        self.read_to = after + n

    @rule(data=st.data())
    def advance(self, data: st.DataObject) -> None:
        self.delivered = data.draw(st.integers(self.delivered, len(self.payloads)))
        self.spool.advance(self.delivered)
        self.read_to = max(self.read_to, self.delivered)

    @rule()
    def reopen(self) -> None:
        self.spool.close()
        self.open()
        self.read_to = self.delivered

    @rule()
    def lose_power(self) -> None:
        self.spool.close()
        after = self.disk.after_power_loss(len(self.disk.trace), lambda: False)
        self.disk = _with_history(after)
        self.open()
        self.read_to = self.delivered

    @invariant()
    def it_keeps_within_its_limit(self) -> None:
        assert self.spool.size_bytes <= LIMIT_BYTES
        assert self.spool.delivered == self.delivered
        assert self.spool.n_lost == 0


def _with_history(disk: SimulatedDisk) -> SimulatedDisk:
    """The same files, written and synced as far as the disk's trace can tell."""
    copy = SimulatedDisk()
    for name, data in disk.files.items():
        file = copy.create(name)
        file.write(data, 0)
        file.sync()
    copy.sync()
    return copy


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
