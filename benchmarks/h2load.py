"""Load from h2load, over HTTP/1.1 or gRPC (Debian: nghttp2-client)."""

import re
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.real_servers.requests import Call

WARM_UP_S = 0.5


@dataclass(frozen=True, slots=True)
class Rate:
    """failures: answers whose status is not 2xx, and requests without one."""

    per_s: float
    failures: int


def program() -> Path:
    """Raises FileNotFoundError, saying what is missing."""
    found = shutil.which("h2load")
    if found is None:
        raise FileNotFoundError("not measured: there is no h2load")
    return Path(found)


@dataclass(frozen=True, slots=True)
class Load:
    """One call, repeated as fast as it is answered. body: a file that holds what is sent."""

    call: Call
    body: Path
    is_grpc: bool

    @classmethod
    def write(cls, call: Call, body: Path, *, is_grpc: bool) -> "Load":
        """Writes the file; a gRPC message goes in a frame, without compression."""
        frame = struct.pack(">?I", False, len(call.body)) if is_grpc else b""
        body.write_bytes(frame + call.body)
        return cls(call, body, is_grpc)

    def run(self, port: int, *, connections: int, seconds: float) -> Rate:
        """Requests a second at a port of 127.0.0.1."""
        argv = [
            *(str(program()), f"--clients={connections}", "--max-concurrent-streams=1"),
            *(
                f"--duration={1000 * seconds:.0f}ms",
                f"--warm-up-time={1000 * WARM_UP_S:.0f}ms",
                f"--data={self.body}",
            ),
            *self._protocol(),
            f"http://127.0.0.1:{port}{self.call.path}",
        ]
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
        return rate(done.stdout)

    def _protocol(self) -> Sequence[str]:
        headers = {"content-type": "application/grpc", "te": "trailers"}
        named = headers if self.is_grpc else self.call.headers
        flags = [f"--header={name}:{value}" for name, value in named.items()]
        return flags if self.is_grpc else ["--h1", *flags]


def rate(printed: str) -> Rate:
    """What h2load says at its end."""
    per_s = re.search(r"^finished in .*?, ([\d.]+) req/s", printed, re.MULTILINE)
    counts = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", printed)
    status = re.search(
        r"^status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", printed, re.MULTILINE
    )
    if per_s is None or counts is None or status is None:
        raise ValueError(f"h2load said something else: {printed}")
    lost = sum(map(int, counts.groups()))
    return Rate(float(per_s[1]), max(lost, sum(map(int, status.groups()))))
