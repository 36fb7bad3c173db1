"""How fast a device counts and compares rows, beside one core, and how far memory is the limit.

    python -m benchmarks.speed --device cuda [--quick] [--out FILE]

The work is that of `benchmarks.speed`. "moved" is what crosses between the host's memory and the
device. The share of the device's own bandwidth is what its kernels must at least read and write,
over what a plain copy on the device reads and writes in the same time. Then windows of ever more
rows are counted, until it is seen from how many values on the device is the quicker. Without a
GPU, `--device cpu` runs PyTorch's kernels on the processor.
"""

import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.crossover import Line, crossover
from benchmarks.speed import MMD_COLUMNS, MMD_ROWS, PROFILES, best_of, normal, rows_of, schema
from detectors.backend import Array
from detectors.backend.choice import CROSSOVER_VALUES
from detectors.backend.on_torch import TorchBackend
from detectors.profile import count
from detectors.reference import Reference
from detectors.samples.mmd import mmd
from detectors.samples.on_device import mmd_on

COPY_BYTES = 1 << 28

CROSSOVER_COLUMNS = 20
CROSSOVER_ROWS = tuple(250 * 2**k for k in range(12))


@dataclass(frozen=True, slots=True)
class Metered(TorchBackend):
    """Adds up what is put on the device and got from it, in bytes."""

    copy_gb_per_s: float = 0.0
    moved: dict[str, int] = field(default_factory=lambda: {"put": 0, "got": 0})

    def put(self, array: NDArray[Any], /) -> Array:
        self.moved["put"] += array.nbytes
        return TorchBackend.put(self, array)

    def get(self, array: Array, /) -> NDArray[Any]:
        values = TorchBackend.get(self, array)
        self.moved["got"] += values.nbytes
        return values


def fitted(n: int, d: int) -> Reference:
    return Reference.fit(rows_of(normal(n, d, seed=1)), schema(d))


def profile_line(n: int, reference: Reference, backend: Metered) -> Line:
    """A value is read once and its place written once, 4 bytes each."""
    d = len(reference.declared)
    window = rows_of(normal(n, d, seed=2, shift=0.01))
    return compared(
        f"profile {n:,} × {d}",
        n * d,
        lambda: count(window, reference),
        lambda: count(window, reference, backend=backend),
        backend,
        least_traffic_mb=n * d * 8 / 1e6,
    )


def mmd_line(n: int, backend: Metered) -> Line:
    """The kernel matrix of both sides' rows is written once and read once, 4 bytes an entry."""
    sides = normal(n, MMD_COLUMNS, seed=1), normal(n, MMD_COLUMNS, seed=2)
    return compared(
        f"mmd {n:,} × {MMD_COLUMNS}",
        2 * n * MMD_COLUMNS,
        lambda: mmd(*sides, rng=np.random.default_rng(0)),
        lambda: mmd_on(backend, *sides, rng=np.random.default_rng(0)),
        backend,
        least_traffic_mb=(2 * n) ** 2 * 8 / 1e6,
    )


def compared(
    task: str,
    n_values: int,
    on_core: Callable[[], object],
    on_device: Callable[[], object],
    backend: Metered,
    *,
    least_traffic_mb: float,
) -> Line:
    backend.moved.update(put=0, got=0)
    on_device()
    moved_mb = sum(backend.moved.values()) / 1e6
    return Line(
        task=task,
        n_values=n_values,
        core_s=best_of(on_core),
        device_s=best_of(on_device, time.perf_counter),
        moved_mb=moved_mb,
        least_traffic_mb=least_traffic_mb,
        copy_gb_per_s=backend.copy_gb_per_s,
    )


def copy_gb_per_s(backend: TorchBackend) -> float:
    """Bytes read and written by a copy within the device."""
    array = backend.put(np.zeros(COPY_BYTES, dtype=np.uint8))
    last = backend.put(np.zeros(1))

    def copy() -> None:
        array.clone()
        backend.get(last)  # waits for what was asked for before

    return 2 * COPY_BYTES / best_of(copy, time.perf_counter) / 1e9


def lines(backend: Metered, *, quick: bool) -> Iterator[Line]:
    for n, d in PROFILES[: 1 if quick else None]:
        yield profile_line(n, fitted(n, d), backend)
    for n in MMD_ROWS[: 1 if quick else None]:
        yield mmd_line(n, backend)


def ever_larger(backend: Metered, *, quick: bool) -> Iterator[Line]:
    """Windows of ever more rows, counted against one reference."""
    reference = fitted(100_000, CROSSOVER_COLUMNS)
    for n in CROSSOVER_ROWS[:: 3 if quick else 1]:
        yield profile_line(n, reference, backend)


def shown(line: Line) -> str:
    return (
        f"{line.task:<24}{line.core_s:10.4f} s{line.device_s:10.4f} s"
        f"{line.core_s / line.device_s:8.1f} ×{line.moved_mb:8.0f} MB"
        f"{line.share_of_bandwidth:8.1%} of {line.copy_gb_per_s:,.0f} GB/s"
    )


def measure(device: str, *, quick: bool, out: Path | None) -> None:
    """Prints the tables and where they cross, and writes JSON where that is asked for."""
    backend = Metered(device, copy_gb_per_s=copy_gb_per_s(TorchBackend(device)))
    print(f"{backend.name}, {platform.machine()}; Python {platform.python_version()}")
    print(f"{'':24}{'one core':>12}{'device':>12}{'quicker':>10}{'moved':>11}  share of bandwidth")
    written, sizes = list[Line](), list[Line]()
    for found, measured in ((written, lines), (sizes, ever_larger)):
        for line in measured(backend, quick=quick):
            print(shown(line), flush=True)
            found.append(line)
    crossing = crossover(sizes)
    where = "never" if crossing is None else f"from {crossing:,} values on"
    print(f"counted sooner on the device: {where}; assumed: from {CROSSOVER_VALUES:,} on")
    if out:
        document = {
            "device": backend.name,
            "crossover_values": crossing,
            "lines": [
                asdict(line) | {"share_of_bandwidth": line.share_of_bandwidth}
                for line in written + sizes
            ],
        }
        out.write_text(json.dumps(document, indent=1))
