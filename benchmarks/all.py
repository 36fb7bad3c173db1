"""One benchmark after another; beforehand, a plan of how long each takes.

    python -m benchmarks.all [--quick] [--peers] [--plan] [--out FOLDER]

Each is a process of its own, prints its table, and writes JSON to the folder. What fails does not
keep the others from running; the last lines say what it was, and the exit code is 1. The minutes
of the plan are those of two cores that had other things to do.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """name: of the module. quick, full: minutes. Without `full` there is one form alone."""

    name: str
    asks: str
    quick: float
    full: float | None = None

    def minutes(self, *, quick: bool) -> float:
        return self.quick if quick or self.full is None else self.full

    def command(self, folder: Path, *, quick: bool) -> list[str]:
        flags = ["--quick"] if quick and self.full is not None else []
        out = ["--out", str(folder / f"{self.name}.json")]
        return [sys.executable, "-m", f"benchmarks.{self.name}", *flags, *out]


OURS = (
    Benchmark("speed", "rows counted and compared, beside SciPy, alibi-detect, NannyML", 3, 15),
    Benchmark("outlier_speed", "rows scored, beside scikit-learn, PyOD, alibi-detect", 3, 6),
    Benchmark("decision_cost", "one window counted, decided, reported", 1, 1.5),
    Benchmark("collector", "what a proxied or pushed row costs", 2, 10),
    Benchmark("collector_grpc", "what a proxied gRPC call costs", 1, 4),
    Benchmark("collector_start", "how soon a collector is ready, and its memory", 1, 2),
    Benchmark("faults", "what a model's clients notice of faults behind the proxy", 1, 5),
    Benchmark("ingest", "what a pushed row costs, synced before it is acknowledged", 1, 1.5),
    Benchmark("freshness", "seconds from the end of a window to its report", 2, 6),
    Benchmark("tracing", "what counting and capturing cost with traces of 1 %, and without", 6, 15),
    Benchmark("noisy_tenant", "pushes and reports beside a tenant that floods", 2, 6),
    Benchmark("scrape", "seconds of a scrape of 20,000 and 64,000 series", 1, 5),
    Benchmark("pages", "seconds of every page, with 90 days of hourly windows", 2, 30),
    Benchmark("aggregate", "rows a second from a broker to profiles", 2, 4),
    Benchmark("sequential", "evidence beside CUSUM's tables", 1, 20),
    Benchmark("power", "is a change seen in its first window", 5, 50),
    Benchmark("delay", "how many windows until a slow or small change is seen", 5, 25),
    Benchmark("false_alarms", "does the budget hold on stable traffic", 10, 150),
    Benchmark("localisation", "are the columns named those that moved", 3, 18),
    Benchmark("outliers", "of the rows flagged, how many are outliers", 3, 12),
    Benchmark("check_speed", "driftmeter check on files", 2),
    Benchmark("spool", "rows a second to disk", 1),
)

PEERS = (
    Benchmark("power_peers", "the changes of `power`, seen by the others", 15, 40),
    Benchmark("false_alarms_peers", "the traffic of `false_alarms`, by the others", 15, 40),
    Benchmark("servers", "KServe and MLServer, through a collector and without one", 2, 16),
)


def main() -> int:
    args = _arguments()
    chosen = PEERS if args.peers else OURS
    print("\n".join(plan(chosen, quick=args.quick)), flush=True)
    if args.plan:
        return 0
    args.out.mkdir(parents=True, exist_ok=True)
    failed = []
    for benchmark in chosen:
        print(f"\n== {benchmark.name}: {benchmark.asks}", flush=True)
        began = time.monotonic()
        code = subprocess.run(
            benchmark.command(args.out, quick=args.quick), cwd=ROOT, check=False
        ).returncode
        took = (time.monotonic() - began) / 60
        expected = benchmark.minutes(quick=args.quick)
        print(f"   {took:.1f} min of {expected:g} expected, exit code {code}", flush=True)
        failed += [benchmark.name] if code else []
    print(f"\nFailed: {', '.join(failed)}." if failed else f"\nAll written to {args.out}.")
    return int(bool(failed))


def plan(benchmarks: Sequence[Benchmark], *, quick: bool) -> Iterator[str]:
    """Lines that say what will be run, and how long that takes."""
    minutes = [benchmark.minutes(quick=quick) for benchmark in benchmarks]
    for benchmark, expected in zip(benchmarks, minutes, strict=True):
        yield f"  {benchmark.name:<20}{expected:>6g} min  {benchmark.asks}"
    yield f"  {'together':<20}{sum(minutes):>6g} min  {'quick' if quick else 'in full'}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="noisier, in an hour and not a day")
    parser.add_argument("--peers", action="store_true", help="those that measure other tools")
    parser.add_argument("--plan", action="store_true", help="say what would be run, and no more")
    parser.add_argument("--out", metavar="FOLDER", type=Path, default=Path("out"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
