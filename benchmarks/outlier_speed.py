"""How fast rows are scored as outliers, on one core, beside scikit-learn, PyOD and alibi-detect.

    python -m benchmarks.outlier_speed [--quick] [--out FILE]

10,000 rows of 20 normal columns are scored at once, and one row alone, by detectors fitted on
10,000 others. Ours begin with rows whose values' places among the bins are known, as counting
leaves them; finding the places has a line of its own. Our nearest neighbours are sought in a sample
of 1,024 rows of the reference, so scikit-learn's are measured among as many as well. PyOD and
alibi-detect run in environments of their own, installed on demand.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

from benchmarks.peers.environments import ENVIRONMENTS
from benchmarks.peers.outlier_scoring import Score, seconds
from detectors.bins import ReferenceColumn, fit_column
from detectors.columns import ColumnType, Field, Floats, Rows
from detectors.scorers import ecod, hbos, isolation_forest, mahalanobis, nearest_neighbours
from detectors.scorers import pca_reconstruction as pca
from detectors.scorers.placed import PlacedRows

ROOT = Path(__file__).parents[1]
OURSELVES = "Driftmeter"
N_ROWS, N_COLUMNS = 10_000, 20
REPEATS = 7
LONGEST_S = 900.0
PEERS = {"PyOD": ("pyod", "pyod"), "alibi-detect": ("alibi_detect_0_11", "alibi_detect")}
"""By name: the environment, and the library's name in it."""

ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}

OURS: Mapping[str, Any] = {
    "Mahalanobis": mahalanobis.Mahalanobis,
    "ECOD": ecod.Ecod,
    "isolation forest": isolation_forest.IsolationForest,
    "nearest neighbours": nearest_neighbours.NearestNeighbours,
    "HBOS": hbos.Hbos,
    "PCA": pca.PcaReconstruction,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    scorer: str
    tool: str
    all_rows_s: float
    one_row_s: float


def rows_of(matrix: Floats) -> Rows:
    columns = {f"x{i}": np.ascontiguousarray(x) for i, x in enumerate(matrix.T)}
    return Rows(columns, len(matrix))


def ours(fitted: Floats, scored: Floats, repeats: int) -> Iterator[Line]:
    reference = rows_of(fitted)
    columns: list[ReferenceColumn] = [
        fit_column(Field(name, ColumnType.FLOAT), x) for name, x in reference.columns.items()
    ]
    place: Score = partial(PlacedRows.of, columns=columns)
    yield line("places", OURSELVES, place, (rows_of(scored), rows_of(scored[:1])), repeats)
    placed, batch, one = (place(rows_of(part)) for part in (fitted, scored, scored[:1]))
    for name, kind in OURS.items():
        scorer = kind.fit(placed, columns, rng=np.random.default_rng(0))
        yield line(name, OURSELVES, scorer.score, (batch, one), repeats)


def line(scorer: str, tool: str, score: Score, parts: tuple[Any, Any], repeats: int) -> Line:
    """parts: all the rows, and one of them, which is scored more often."""
    taken = [seconds(score, part, n) for part, n in zip(parts, (repeats, 5 * repeats), strict=True)]
    return Line(scorer=scorer, tool=tool, all_rows_s=taken[0], one_row_s=taken[1])


def scikit_learn(fitted: Floats, scored: Floats, repeats: int) -> Iterator[Line]:
    components = PCA(N_COLUMNS // 2).fit(fitted)
    scores: dict[tuple[str, str], Score] = {
        ("Mahalanobis", ""): EmpiricalCovariance().fit(fitted).mahalanobis,
        ("isolation forest", ""): IsolationForest(random_state=0).fit(fitted).score_samples,
        ("nearest neighbours", ""): NearestNeighbors(n_neighbors=5).fit(fitted).kneighbors,
        ("nearest neighbours", ", of 1,024"): NearestNeighbors(n_neighbors=5)
        .fit(fitted[:1_024])
        .kneighbors,
        ("PCA", ""): lambda x: x - components.inverse_transform(components.transform(x)),
    }
    for (scorer, note), score in scores.items():
        yield line(scorer, f"scikit-learn{note}", score, (scored, scored[:1]), repeats)


def peer(name: str, fitted: Floats, scored: Floats, repeats: int) -> Iterator[Line]:
    environment, library = PEERS[name]
    python = ENVIRONMENTS.install(environment)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.npz")
        np.savez(path, fitted=fitted, scored=scored)
        script = "benchmarks.peers.outlier_scoring"
        answer = subprocess.run(
            [str(python), "-m", script, library, str(path), str(repeats)],
            check=True,
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD, "PYTHONWARNINGS": "ignore"},
            stdout=subprocess.PIPE,
            timeout=LONGEST_S,
        )
    for scorer, taken in json.loads(answer.stdout).items():
        yield Line(scorer=scorer, tool=name, all_rows_s=taken[0], one_row_s=taken[1])


def measure(repeats: int) -> list[Line]:
    rng = np.random.default_rng(0)
    fitted, scored = rng.normal(size=(2, N_ROWS, N_COLUMNS))
    sources: list[Callable[[Floats, Floats, int], Iterator[Line]]] = [
        ours,
        scikit_learn,
        *(partial(peer, name) for name in PEERS),
    ]
    return [found for source in sources for found in source(fitted, scored, repeats)]


def table(lines: list[Line]) -> str:
    """By scorer, ours first; how many times slower the others are."""
    head = f"{'':<20}{'':<24}{N_ROWS:>9,} rows{'':10}one row"
    text = [head]
    for name in ("places", *OURS):
        of_scorer = [found for found in lines if found.scorer == name]
        for found in of_scorer:
            slower = (
                found.all_rows_s / of_scorer[0].all_rows_s,
                found.one_row_s / of_scorer[0].one_row_s,
            )
            text.append(
                f"{name:<20}{found.tool:<24}{1e3 * found.all_rows_s:8.2f} ms{slower[0]:7.1f} ×"
                f"{1e6 * found.one_row_s:10.0f} µs{slower[1]:7.1f} ×"
            )
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--out", type=Path, help="where to write JSON")
    args = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        # The libraries read these when they are loaded, so this program begins once more.
        command = [sys.executable, "-m", "benchmarks.outlier_speed", *sys.argv[1:]]
        sys.exit(subprocess.run(command, check=False, env={**os.environ, **ONE_THREAD}).returncode)
    lines = measure(3 if args.quick else REPEATS)
    machine = f"{platform.machine()}, one core, Python {platform.python_version()}"
    print(f"{N_ROWS:,} rows × {N_COLUMNS} columns; {machine}\n{table(lines)}")
    if args.out:
        measured = {"machine": machine, "lines": [asdict(found) for found in lines]}
        args.out.write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
