"""How fast rows are counted and compared, on one core, beside others in the same run.

    python -m benchmarks.speed [--quick] [--only NAME] [--device cuda] [--out FILE]

`profile`: a window of normal float32 columns against a reference of as many rows: all of our
profile (bins, moments, pairs of columns, outlier scores, sample), then Kolmogorov-Smirnov, the
population stability index, Jensen-Shannon and Wasserstein-1, each with its p-value. `mmd`: the
kernel two-sample test with 100 permutations, with its memory. `import`: what the counting side
takes to import, in seconds and memory, beyond NumPy. Others are asked in environments of their own,
installed on demand. Seconds are of processor time, on one thread: what a quiet core takes, however
busy the machine is. `--device cuda` measures that device beside one core instead.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.environments import ENVIRONMENTS
from detectors import statistics as s
from detectors.columns import ColumnType, Field, Floats, Rows
from detectors.profile import Profile, count
from detectors.reference import Reference
from detectors.stacked import NumericStack

ROOT = Path(__file__).parents[1]
REPEATS = 5
PROFILES = ((100_000, 50), (1_000_000, 20))
MMD_ROWS = (2_000, 5_000)
MMD_COLUMNS = 50
LONGEST_S = 1_800.0

ONE_THREAD = {
    **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")},
    **{f"TF_NUM_{name}_THREADS": "1" for name in ("INTRAOP", "INTEROP")},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the tables. times_slower: than ours; None for ours, and for parts of it."""

    task: str
    tool: str
    seconds: float
    note: str = ""
    times_slower: float | None = None


def best_of(what: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Seconds by the clock, the least of a few runs: the others were disturbed."""
    seconds = []
    for _ in range(REPEATS):
        start = clock()
        what()
        seconds.append(clock() - start)
    return min(seconds)


def normal(n: int, d: int, *, seed: int, shift: float = 0.0) -> NDArray[np.float32]:
    """(rows, columns), each column contiguous, as columns of files and batches are."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((d, n), dtype=np.float32).T + np.float32(shift)


def rows_of(matrix: NDArray[np.float32]) -> Rows:
    columns: dict[str, Any] = {f"x{i}": matrix[:, i] for i in range(matrix.shape[1])}
    return Rows(columns, len(matrix))


def schema(d: int) -> list[Field]:
    return [Field(f"x{i}", ColumnType.FLOAT) for i in range(d)]


def compare(stack: NumericStack, reference: Profile, current: Profile) -> Mapping[str, Floats]:
    """The four statistics of every column, and their p-values."""
    a, b = stack.ranks(reference.counts), stack.ranks(current.counts)
    p, q = stack.index_bins(a), stack.index_bins(b)
    at = {"positions": stack.positions}
    sizes = {"n_reference": a.sum(axis=-1), "n_current": b.sum(axis=-1)}
    ks, psi = s.kolmogorov_smirnov(a, b), s.population_stability_index(p, q)
    js, work = s.jensen_shannon_distance(p, q), s.wasserstein(a, b, **at)
    deals = s.dealt(p, q)
    of_psi = s.population_stability_index_moments(p, q, deals=deals)
    of_js = s.jensen_shannon_distance_moments(p, q, deals=deals)
    square, of_means = s.wasserstein_moments(a, b, **at)
    return {
        "ks": ks,
        "ks p": s.kolmogorov_smirnov_p_value(ks, **sizes),
        "psi": psi,
        "psi p": s.population_stability_index_p_value(psi, mean=of_psi[0], variance=of_psi[1]),
        "js": js,
        "js p": s.jensen_shannon_distance_p_value(js, mean=of_js[0], variance=of_js[1]),
        "w1": work,
        "w1 p": s.wasserstein_p_value(work, square=square, of_means=of_means),
    }


def profile_lines(n: int, d: int, peers: Sequence[str]) -> Iterator[Line]:
    """Counting and comparing a window of n rows and d columns; then what others take."""
    task = f"profile {n:,} × {d}"
    before, now = normal(n, d, seed=1), normal(n, d, seed=2, shift=0.01)
    start = time.process_time()
    reference = Reference.fit(rows_of(before), schema(d))
    fit_s = time.process_time() - start
    stack, window = NumericStack.of(reference), rows_of(now)
    profile = count(window, reference)
    counting = best_of(lambda: count(window, reference))
    comparing = best_of(lambda: compare(stack, reference.profile, profile))
    ours = counting + comparing
    yield Line(task=task, tool="count", seconds=counting, note=rate(n * d, counting))
    yield Line(task=task, tool="four statistics, p-values", seconds=comparing)
    note = f"{rate(n * d, ours)}; reference fitted in {fit_s:.1f} s"
    yield Line(task=task, tool="Driftmeter", seconds=ours, note=note)
    yield from others(task, peers, before, now, ours)


def mmd_lines(n: int, peers: Sequence[str]) -> Iterator[Line]:
    task = f"mmd {n:,} × {MMD_COLUMNS}"
    sides = normal(n, MMD_COLUMNS, seed=1), normal(n, MMD_COLUMNS, seed=2)
    ours = ask("driftmeter_mmd", Path(sys.executable), *sides)
    note = f"{ours['peak_mb']:.0f} MB"
    yield Line(task=task, tool="Driftmeter", seconds=ours["run_s"], note=note)
    yield from others(task, peers, *sides, ours["run_s"], memory=True)


def others(
    task: str,
    peers: Sequence[str],
    before: NDArray[np.float32],
    now: NDArray[np.float32],
    ours_s: float,
    *,
    memory: bool = False,
) -> Iterator[Line]:
    for peer in peers:
        python = Path(sys.executable)
        if peer != "scipy":
            python = ENVIRONMENTS.install(peer.removesuffix("_mmd"))
        cost = ask(peer, python, before, now)
        fit = f"; reference fitted in {cost['fit_s']:.1f} s" if cost["fit_s"] > 0.05 else ""
        note = f"{cost['peak_mb']:.0f} MB" if memory else rate(now.size, cost["run_s"]) + fit
        times = cost["run_s"] / ours_s
        yield Line(task=task, tool=peer, seconds=cost["run_s"], note=note, times_slower=times)


def ask(
    peer: str, python: Path, before: NDArray[np.float32], now: NDArray[np.float32]
) -> dict[str, float]:
    """What the peer's own process measured."""
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder, "question.npz"), Path(folder, "answer.json")
        np.savez(
            question, reference=np.ascontiguousarray(before), current=np.ascontiguousarray(now)
        )
        command = [str(python), "-m", "benchmarks.speed_peers", peer, str(question), str(answer)]
        subprocess.run(
            command,
            check=True,
            cwd=ROOT,
            env=os.environ | QUIET,
            stdout=sys.stderr,
            timeout=LONGEST_S,
        )
        cost: dict[str, float] = json.loads(answer.read_text())
        return cost


QUIET = {
    "NML_DISABLE_USAGE_LOGGING": "1",
    "DO_NOT_TRACK": "1",
    "PYTHONWARNINGS": "ignore",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def import_lines() -> Iterator[Line]:
    """The whole process that imports, less one that imports NumPy alone."""
    numpy_alone = best_of(partial(imported, "numpy"), of_children)
    memory_of_numpy = imported("numpy")
    for module in ("detectors.profile", "detectors.reference", "detectors.report.compare"):
        seconds = best_of(partial(imported, "numpy", module), of_children) - numpy_alone
        more_mb = imported("numpy", module) - memory_of_numpy
        note = f"and {more_mb:.0f} MB beyond NumPy"
        yield Line(task="import", tool=module, seconds=seconds, note=note)


def imported(*modules: str) -> float:
    """The peak memory, in MB, of a process that imports them; NaN where Linux does not say."""
    # Not from getrusage: a child's peak there is at least what its parent held.
    told = (
        f"import pathlib, {', '.join(modules)}; status = pathlib.Path('/proc/self/status')\n"
        "print(status.read_text() if status.exists() else '')"
    )
    process = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, check=True, cwd=ROOT, text=True
    )
    lines = (line.split() for line in process.stdout.splitlines())
    peak = {words[0]: words[1] for words in lines if len(words) > 1}
    return float(peak.get("VmHWM:", "nan")) / 1_024


def of_children() -> float:
    """Processor time of the processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def rate(n_values: int, seconds: float) -> str:
    return f"{n_values / seconds / 1e6:,.0f} M values/s"


def lines(args: argparse.Namespace) -> Iterator[Line]:
    """All that was asked for."""
    wanted = args.only or ["profile", "mmd", "import"]
    peers = ["scipy", "alibi_detect", "nannyml"] + ([] if args.quick else ["evidently"])
    if "profile" in wanted:
        for n, d in PROFILES[: 1 if args.quick else None]:
            yield from profile_lines(n, d, [] if args.alone else peers)
    if "mmd" in wanted:
        for n in MMD_ROWS[: 1 if args.quick else None]:
            yield from mmd_lines(n, [] if args.alone else ["alibi_detect_mmd"])
    if "import" in wanted:
        yield from import_lines()


def shown(line: Line) -> str:
    times = "" if line.times_slower is None else f"{line.times_slower:8,.0f} ×"
    return f"{line.task:<24}{line.tool:<28}{line.seconds:10.4f} s{times:>12}  {line.note}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--quick", action="store_true", help="the smaller tables, without Evidently"
    )
    parser.add_argument("--alone", action="store_true", help="ours only")
    parser.add_argument("--only", action="append", choices=["profile", "mmd", "import"])
    parser.add_argument("--device", help="measure it beside one core: cuda, or cpu by PyTorch")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    one_core()
    if args.device:
        from benchmarks.speed_device import measure  # noqa: PLC0415  # PyTorch: for those alone

        measure(args.device, quick=args.quick, out=args.out)
        return
    machine = (
        f"one core of {os.cpu_count()}, {platform.machine()}; Python {platform.python_version()}"
    )
    print(machine)
    measured: list[dict[str, Any]] = []
    for line in lines(args):
        print(shown(line), flush=True)
        measured.append(asdict(line))
    if args.out:
        args.out.write_text(json.dumps({"machine": machine, "lines": measured}, indent=1))


def one_core() -> None:
    """Starts this process anew on one thread, since libraries ask but once, and pins it to the
    last core it may use, with all that it will start.
    """
    if not ONE_THREAD.items() <= os.environ.items():
        again = [sys.executable, "-m", "benchmarks.speed", *sys.argv[1:]]
        os.execve(sys.executable, again, os.environ | ONE_THREAD)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


if __name__ == "__main__":
    main()
