"""What tracing costs: rows counted, and requests through a collector, with and without it.

Every request, and every message in Kafka, comes with a traceparent, one of a hundred sampled; of
what comes without one, one trace of a hundred is kept. Rounds with tracing off and on take turns,
because a machine has good and bad minutes; what is told is the time of the process under test, and
the median of the rounds' ratios. A receiver takes the spans. Needs what `collector` needs.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks import aggregate, collector, http_load, nginx
from benchmarks.processes import cpu_s, family
from monitor.kafka.messages import ARROW, JSON, Header, KafkaHeaders
from monitor.sql.store import ArtifactStore
from monitor.up.supervisor import Supervisor, free_port

SAMPLED = 100
"""One of so many."""

_TRACED = """\
local n = 0
function request()
  n = n + 1
  local flag = n %% %d == 0 and "01" or "00"
  wrk.headers["traceparent"] = string.format("00-%%032x-%%016x-%%s", n, n, flag)
  return wrk.format()
end
"""


class Spans(BaseHTTPRequestHandler):
    """Takes what an exporter sends."""

    protocol_version = "HTTP/1.1"
    n_bytes = 0

    def do_POST(self) -> None:
        Spans.n_bytes += len(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
        """Not of interest."""


@contextmanager
def receiving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Spans) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def environment(added: Mapping[str, str]) -> Iterator[None]:
    """What processes inherit that are started within."""
    before = dict(os.environ)
    os.environ.update(added)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def traceparent(number: int) -> KafkaHeaders:
    flag = "01" if number % SAMPLED == 0 else "00"
    text = f"00-{number + 1:032x}-{number + 1:016x}-{flag}"
    return [(Header.TRACEPARENT.value, text.encode())]


def counting(kind: str, *, quick: bool) -> Callable[[], float]:
    """Microseconds of aggregate's time for a row."""
    reference = aggregate.fit(aggregate.N_COLUMNS)
    n = (600 if quick else 2_000) if kind == "arrow" else (30_000 if quick else 100_000)
    make = aggregate.arrow if kind == "arrow" else aggregate.one_row
    values = [make(i, reference) for i in range(n)]
    content_type, n_rows = (ARROW, 1_000) if kind == "arrow" else (JSON, 1)

    def once() -> float:
        with aggregate.bench(None) as under:
            ArtifactStore(str(under.folder / "store")).put(reference.to_bytes())
            found = under.drained(values, content_type, n_rows, reference, 1, more=traceparent)
        return 1e6 / float(found["per_cpu_s"])

    return once


def capturing(*, quick: bool) -> float:
    """Microseconds of a collector's processes for a request."""
    with tempfile.TemporaryDirectory() as name, Supervisor(Path(name)) as processes:
        folder = Path(name)
        folder.chmod(0o755)
        body, port = http_load.body(collector.ROWS["300 B"]), free_port()
        program = collector.programs()["nginx"]
        model = nginx.model(program, folder, port, {len(body): collector.ROWS["300 B"]})
        processes.start("model", model, ready=f"tcp://127.0.0.1:{port}")
        broker = collector.start_broker(processes)
        target = collector.start_collector(processes, "collector", broker, port, folder)
        url, lua = f"http://127.0.0.1:{target.port}{http_load.PATH}", _TRACED % SAMPLED
        seconds = 2.0 if quick else 6.0
        collector.posted(folder, url, body.decode(), 32, 1.0, lua=lua)  # warm
        collector.lost(target)
        pids = family(target.pid)
        before = sum(map(cpu_s, pids))
        found = collector.posted(folder, url, body.decode(), 32, seconds, lua=lua)
        collector.lost(target)
        return 1e6 * (sum(map(cpu_s, pids)) - before) / found["requests"]


def compared(what: str, once: Callable[[], float], rounds: int, on: Mapping[str, str]) -> object:
    """Both ways, in turn; the first round only warms."""
    offs, ons = [], []
    for number in range(rounds + 1):
        off = once()
        with environment(on):
            traced = once()
        if number:
            offs.append(off)
            ons.append(traced)
    ratios = sorted(b / a for a, b in zip(offs, ons, strict=True))
    row = {
        "what": what,
        "off_us": statistics.median(offs),
        "on_us": statistics.median(ons),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
    }
    shown = ", ".join(f"{ratio:.3f}" for ratio in ratios)
    print(
        f"{what:<20} off {row['off_us']:7.2f} µs  on {row['on_us']:7.2f} µs  "
        f"ratio {row['ratio']:.3f}  ({shown})",
        flush=True,
    )
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="three short rounds")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    try:
        collector.programs()
    except FileNotFoundError as error:
        print(error)
        return
    quick = args.quick
    works = {
        "counting arrow": counting("arrow", quick=quick),
        "counting json": counting("json", quick=quick),
        "capturing": lambda: capturing(quick=quick),
    }
    with receiving() as endpoint:
        on = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": f"{1 / SAMPLED}",
        }
        rounds = 3 if quick else args.rounds
        results = [compared(what, once, rounds, on) for what, once in works.items()]
    print(f"spans received: {Spans.n_bytes:,} bytes")
    if args.out:
        machine = (
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        )
        args.out.write_text(json.dumps({"machine": machine, "results": results}, indent=1))


if __name__ == "__main__":
    main()
