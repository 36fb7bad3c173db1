"""Starts processes, sees that they live, and leaves none behind.

Used by `driftmeter up`, by the demo and by the tests, which all run the same roles.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from monitor.up import tether

POLL_S = 0.02
TAIL_BYTES = 4000


class ProcessDiedError(Exception):
    """A process ended that was meant to go on."""

    def __init__(self, name: str, exit_code: int, log_tail: str) -> None:
        super().__init__(f"{name} {_ending(exit_code)}; the end of its log:\n{log_tail}")
        self.name = name
        self.exit_code = exit_code
        self.log_tail = log_tail


class NotReadyError(Exception):
    """A process lives, but did not answer in time."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that the system gives to nobody else for the next minute.

    A connection that its server closed first stays behind (TIME-WAIT, RFC 9293): who asks for any
    port does not get this one, who names it does (SO_REUSEADDR, which servers set).
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            server.accept()[0].close()
        port: int = server.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class _Process:
    name: str
    popen: subprocess.Popen[bytes]
    log: Path


class Supervisor:
    """A group of processes that begin in order and end in reverse.

    What a process prints goes to `<folder>/<name>.log`. Leaving the `with` block stops all of
    them: SIGTERM, then SIGKILL for what has not ended within `stop_timeout_s`. If this process
    is itself killed, they die with it (Linux; see `monitor.up.tether`). On Linux a process lives
    no longer than the thread that called `start`: call it from the main thread.
    """

    def __init__(
        self, folder: Path, *, ready_timeout_s: float = 60.0, stop_timeout_s: float = 10.0
    ) -> None:
        self._folder = folder
        self._ready_timeout_s = ready_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._processes: list[_Process] = []

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        ready: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Starts a process, and waits until it is ready if `ready` says how that shows.

        ready: a URL that must answer 200, or "tcp://host:port" that must accept.
        env: variables on top of this process's own.
        Raises ProcessDiedError or NotReadyError, with the end of its log.
        """
        log = self.log(name)
        with log.open("ab") as output:
            popen = subprocess.Popen(  # noqa: S603 - the caller's own program, no shell
                [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,  # a terminal's Ctrl-C is for us alone to act on
            )
        self._processes.append(_Process(name, popen, log))
        if ready is not None:
            self.wait(ready)

    def wait(self, ready: str) -> None:
        """Returns when `ready` (as in `start`) answers; raises if a process dies meanwhile."""
        deadline = time.monotonic() + self._ready_timeout_s
        while not _answers(ready):
            self.check()
            if time.monotonic() > deadline:
                raise NotReadyError(
                    f"{ready} did not answer within {self._ready_timeout_s:g} s{self._tails()}"
                )
            time.sleep(POLL_S)

    def check(self) -> None:
        """Raises ProcessDiedError if a process has ended."""
        for process in self._processes:
            if (exit_code := process.popen.poll()) is not None:
                raise ProcessDiedError(process.name, exit_code, _tail(process.log))

    def pid(self, name: str) -> int:
        """The process id of the latest process started under a name."""
        return next(p.popen.pid for p in reversed(self._processes) if p.name == name)

    def log(self, name: str) -> Path:
        """Where the output of the process of that name is written."""
        return self._folder / f"{name}.log"

    def stop(self) -> None:
        """Ends every process, the last started first. May be called again."""
        deadline = time.monotonic() + self._stop_timeout_s
        try:
            for process in reversed(self._processes):
                process.popen.terminate()
                _wait(process.popen, deadline)
        finally:  # also when a second Ctrl-C cuts the waiting short
            for process in self._processes:
                _kill(process.popen)
            self._processes.clear()

    def _tails(self) -> str:
        return "".join(f"\n--- {p.name}\n{_tail(p.log)}" for p in self._processes)


def _wait(popen: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        popen.wait(max(deadline - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        _kill(popen)


def _kill(popen: subprocess.Popen[bytes]) -> None:
    if popen.poll() is None:
        os.killpg(popen.pid, signal.SIGKILL)  # it leads a session of its own
        popen.wait()


def _answers(ready: str) -> bool:
    url = urlsplit(ready)
    host, port = url.hostname or "127.0.0.1", url.port or 80
    try:
        if url.scheme == "tcp":
            socket.create_connection((host, port), timeout=1.0).close()
            return True
        return _status(host, port, url.path or "/") == 200
    except (OSError, http.client.HTTPException):
        return False


def _status(host: str, port: int, path: str) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=2.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _tail(log: Path) -> str:
    with log.open("rb") as lines:
        lines.seek(max(lines.seek(0, os.SEEK_END) - TAIL_BYTES, 0))
        return lines.read().decode(errors="replace").strip()


def _ending(exit_code: int) -> str:
    if exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"
