"""The whole way of a row as processes that may be killed, each of which is started again."""

import http.client
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import orjson

from detectors.columns import Floats
from monitor.kafka.connecting import Broker
from monitor.sql.database import Database
from monitor.up.supervisor import NotReadyError, ProcessDiedError, Supervisor, free_port
from tests.support.counted import HOUR
from tests.support.owners import let_leases_run_out

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
N_WINDOWS = 6
START = 1_700_000_000.0 // HOUR * HOUR


@dataclass
class Member:
    """A process that is started again whenever it has died. ready: as `Supervisor.start` has it."""

    name: str
    command: Sequence[str]
    folder: Path
    ready: str | None = None
    n_starts: int = 0
    _lives: ExitStack = field(default_factory=ExitStack)
    _now: Supervisor | None = None

    def ensure(self) -> None:
        """Starts it, if it does not run."""
        if self._now is not None:
            try:
                return self._now.check()
            except ProcessDiedError:
                self._lives.close()
        logs = self.folder / f"{self.name}-logs"
        self._now = self._lives.enter_context(
            Supervisor(logs, ready_timeout_s=120.0, stop_timeout_s=0.0)
        )
        self._now.start(self.name, self.command, env=ONE_THREAD)
        self.n_starts += 1
        return None

    def wait(self) -> None:
        assert self._now is not None
        if self.ready is not None:
            self._now.wait(self.ready)

    def answers(self) -> bool:
        """Whether it is ready now."""
        assert self._now is not None
        try:
            self.wait()
        except (ProcessDiedError, NotReadyError):
            return False
        return True

    def kill(self) -> None:
        assert self._now is not None
        os.killpg(os.getpgid(self._now.pid(self.name)), signal.SIGKILL)

    def finish(self, timeout_s: float = 60.0) -> None:
        """Ends it as its operator would, and waits until it has ended."""
        assert self._now is not None
        with suppress(ProcessDiedError):
            os.kill(self._now.pid(self.name), signal.SIGTERM)
            deadline = time.monotonic() + timeout_s
            while time.monotonic() < deadline:
                self._now.check()
                time.sleep(0.05)
            raise AssertionError(f"{self.name} has not ended")

    def stop(self) -> None:
        self._lives.close()


@dataclass
class Chain:
    """Two collectors, a broker, two aggregates, a detect."""

    broker: Broker
    kafka: Sequence[str]
    database: Database
    folder: Path
    members: dict[str, Member] = field(default_factory=dict)
    ingests: list[int] = field(default_factory=list)

    def __enter__(self) -> Self:
        server = self.broker.servers[0]
        self._add("broker", self.kafka, f"tcp://{server}")
        shared = ("--broker", server, "--topic-prefix", self.broker.topics.prefix)
        store = ("--store", str(self.folder / "references"))
        for number in range(2):
            ingest, metrics = free_port(), free_port()
            self.ingests.append(ingest)
            spool = ("--spool", str(self.folder / f"spool-{number}"), "--spool-limit", "1GiB")
            listening = ("--listen", f"127.0.0.1:{free_port()}", "--ingest", f"127.0.0.1:{ingest}")
            self._role(f"collect-{number}", "collect", *shared, *spool, *listening)
            state = ("--state", str(self.folder / f"aggregate-{number}"), "--flush", "500ms")
            known = ("--metrics", f"127.0.0.1:{metrics}", "--session-timeout", "3s")
            self._role(f"aggregate-{number}", "aggregate", *shared, *store, *state, *known)
        own = ("--database", str(self.database.engine.url), "--metrics", f"127.0.0.1:{free_port()}")
        self._role("detect", "detect", *shared, *store, *own, "--idle", "5s")
        return self

    def __exit__(self, *_: object) -> None:
        for member in reversed(self.members.values()):
            member.stop()

    def ensure(self) -> None:
        for member in self.members.values():
            member.ensure()

    def kill(self, victim: str) -> None:
        self.members[victim].kill()
        if victim == "detect":
            let_leases_run_out(self.database)

    def finish_collectors(self) -> None:
        """Ends them for good: nothing more comes into the log, whatever is in their spools."""
        for name in [name for name in self.members if name.startswith("collect-")]:
            member = self.members.pop(name)
            member.finish()
            member.stop()

    def _role(self, name: str, role: str, *flags: str) -> None:
        self._add(name, (sys.executable, "-m", "monitor", role, *flags))

    def _add(self, name: str, command: Sequence[str], ready: str | None = None) -> None:
        self.members[name] = Member(name, command, self.folder, ready)


@dataclass
class Pushes:
    """Rows that clients push until they are told to stop, each push once.

    acknowledged, issued: pushes, by number; those that are only issued may have come or not.
    """

    n_rows: int
    n_until: int
    acknowledged: set[int] = field(default_factory=set)
    issued: set[int] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)
    _numbers: Iterator[int] = field(default_factory=count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, port: int) -> None:
        while not self.stopping.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                while not self.stopping.is_set():
                    self._push(connection)
            except (OSError, http.client.HTTPException):
                self.stopping.wait(0.05)
            finally:
                connection.close()

    def _push(self, connection: http.client.HTTPConnection) -> None:
        connection.connect()  # before a number is taken: who cannot connect has issued nothing
        while not self.stopping.is_set():
            with self._lock:
                number = next(self._numbers)
                self.issued.add(number)
            connection.request("POST", "/v1/predictions", self.body(number))
            answer = connection.getresponse()
            answer.read()
            if answer.status == 202:
                self.acknowledged.add(number)
            else:
                self.stopping.wait(0.2)

    def body(self, number: int) -> bytes:
        times, x = self.rows(number)
        columns = {
            "id": self.ids(number),
            "time": times.tolist(),
            "x": x.tolist(),
            "prediction": (2 * x).tolist(),
        }
        return orjson.dumps({"monitor": "seats", "columns": columns})

    def ids(self, number: int) -> list[str]:
        return [f"{number}-{i}" for i in range(self.n_rows)]

    def rows(self, number: int) -> tuple[Floats, Floats]:
        """Times and values, functions of the number: the windows pass while pushes go on."""
        rng = np.random.default_rng(number)
        progress = min(number / self.n_until, 1.0) * (N_WINDOWS - 1)
        times = START + np.floor((progress + rng.random(self.n_rows)) * HOUR * 1000) / 1000
        return times, rng.normal(size=self.n_rows)


def kill_in_turn(
    chain: Chain, victims: Sequence[str], every_s: float, chance: random.Random
) -> None:
    """Kills one after the other, while everything that has died is started again."""
    for victim in victims:
        until = time.monotonic() + chance.uniform(0.5, 1.5) * every_s
        while time.monotonic() < until:
            chain.ensure()
            time.sleep(0.1)  # so long a process that died stays away
        chain.kill(victim)


class KeptAlive(Protocol):
    def ensure(self) -> None:
        """Starts what has died."""


def keep_alive(
    chain: KeptAlive, is_done: Callable[[], bool], timeout_s: float, *, poll_s: float = 0.5
) -> None:
    """Starts what dies until something is so."""
    deadline = time.monotonic() + timeout_s
    while not is_done():
        assert time.monotonic() < deadline, "it did not happen in time"
        chain.ensure()
        time.sleep(poll_s)
