"""What others need for the work of `benchmarks.speed`, each run in an environment of its own.

    PYTHON -m benchmarks.speed_peers TASK QUESTION.npz ANSWER.json

The question is `reference` and `current`, (rows, columns) float32 each. Imports are not timed; what
a tool does once for a reference is timed apart. Nothing but NumPy is imported before the task is
known: no environment has everything.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

N_PERMUTATIONS = 100
PEAK = Path("/proc/self/clear_refs")
SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """fit_s: for the reference, once; run_s: for a window; processor time, of all threads.
    peak_mb: of memory, beyond what the process had with everything imported and the rows read.
    """

    fit_s: float
    run_s: float
    peak_mb: float


Fit = Callable[[Rows], Callable[[Rows], object]]
"""From a reference to what is done with a window."""


def measure(fit: Fit, reference: Rows, current: Rows) -> Cost:
    """One run: the tools that are slow enough to be disturbed are slow enough not to care."""
    PEAK.write_text("5")  # forgets the peak so far
    before_mb = memory_mb("VmRSS")
    start = time.process_time()
    run = fit(reference)
    fitted = time.process_time()
    run(current)
    return Cost(
        fit_s=fitted - start,
        run_s=time.process_time() - fitted,
        peak_mb=memory_mb("VmHWM") - before_mb,
    )


def memory_mb(what: str) -> float:
    """What Linux says of this process: VmRSS, its memory now, or VmHWM, the most it had."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        name, _, value = line.partition(":")
        if name == what:
            return float(value.removesuffix("kB")) / 1024
    raise RuntimeError(f"no {what} in /proc/self/status")


def scipy() -> Fit:
    """Kolmogorov-Smirnov and Wasserstein, column after column."""
    from scipy import stats  # noqa: PLC0415

    def run(reference: Rows, current: Rows) -> None:
        for ours, theirs in zip(reference.T, current.T, strict=True):
            stats.ks_2samp(ours, theirs)
            stats.wasserstein_distance(ours, theirs)

    return lambda reference: lambda current: run(reference, current)


def alibi_detect() -> Fit:
    """Kolmogorov-Smirnov of every column."""
    from alibi_detect.cd import KSDrift  # noqa: PLC0415

    return lambda reference: KSDrift(reference, p_val=0.05).predict


def nannyml() -> Fit:
    """Kolmogorov-Smirnov, Jensen-Shannon and Wasserstein of every column, one chunk."""
    import pandas as pd  # noqa: PLC0415
    from nannyml import UnivariateDriftCalculator  # noqa: PLC0415

    def fit(reference: Rows) -> Callable[[Rows], object]:
        names = [f"x{i}" for i in range(reference.shape[1])]
        calculator = UnivariateDriftCalculator(
            column_names=names,
            continuous_methods=["kolmogorov_smirnov", "jensen_shannon", "wasserstein"],
            chunk_size=len(reference),
        ).fit(pd.DataFrame(reference, columns=names))
        return lambda current: calculator.calculate(pd.DataFrame(current, columns=names))

    return fit


def evidently() -> Fit:
    """Its drift preset."""
    import pandas as pd  # noqa: PLC0415
    from evidently import Report  # noqa: PLC0415
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    def fit(reference: Rows) -> Callable[[Rows], object]:
        names = [f"x{i}" for i in range(reference.shape[1])]
        before, report = pd.DataFrame(reference, columns=names), Report([DataDriftPreset()])
        return lambda current: report.run(pd.DataFrame(current, columns=names), before)

    return fit


def alibi_detect_mmd() -> Fit:
    """Its kernel two-sample test, on TensorFlow."""
    from alibi_detect.cd import MMDDrift  # noqa: PLC0415

    def fit(reference: Rows) -> Callable[[Rows], object]:
        detector = MMDDrift(reference, backend="tensorflow", n_permutations=N_PERMUTATIONS)
        predict: Callable[[Rows], object] = detector.predict
        return predict

    return fit


def driftmeter_mmd() -> Fit:
    """Ours."""
    from detectors.samples.mmd import mmd  # noqa: PLC0415

    def run(reference: Rows, current: Rows) -> Any:
        rng = np.random.default_rng(SEED)
        return mmd(reference, current, rng=rng, n_permutations=N_PERMUTATIONS)

    return lambda reference: lambda current: run(reference, current)


TASKS = {
    task.__name__: task
    for task in (scipy, alibi_detect, nannyml, evidently, alibi_detect_mmd, driftmeter_mmd)
}


def main() -> None:
    task, question, answer = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    fit = TASKS[task]()
    with np.load(question, allow_pickle=False) as arrays:
        reference, current = arrays["reference"], arrays["current"]
    fit(reference[:200])(current[:200])  # what a tool does the first time only is not timed
    answer.write_text(json.dumps(asdict(measure(fit, reference, current))))


if __name__ == "__main__":
    main()
