"""How long a peer's outlier detectors take to score rows; run by the peer's own Python.

python -m benchmarks.peers.outlier_scoring pyod|alibi_detect ROWS.npz REPEATS

ROWS.npz holds `fitted` and `scored`, (rows, columns). Prints, in JSON and by scorer, the seconds
for all the scored rows and for one of them, each the least of the repeats.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Score = Callable[[Any], Any]


def pyod(fitted: Any) -> Iterator[tuple[str, Score]]:
    from pyod.models.ecod import ECOD  # noqa: PLC0415 - only in this environment
    from pyod.models.hbos import HBOS  # noqa: PLC0415
    from pyod.models.iforest import IForest  # noqa: PLC0415
    from pyod.models.knn import KNN  # noqa: PLC0415
    from pyod.models.pca import PCA  # noqa: PLC0415

    detectors = {
        "isolation forest": IForest(random_state=0),
        "nearest neighbours": KNN(),
        "ECOD": ECOD(),
        "HBOS": HBOS(),
        "PCA": PCA(),
    }
    for name, detector in detectors.items():
        yield name, detector.fit(fitted).decision_function


def alibi_detect(fitted: Any) -> Iterator[tuple[str, Score]]:
    from alibi_detect.od import IForest, Mahalanobis  # noqa: PLC0415 - only in this environment

    distance, forest = Mahalanobis(), IForest()
    distance.score(fitted)  # it learns from what it scores
    forest.fit(fitted)
    yield "Mahalanobis", distance.score
    yield "isolation forest", forest.score


def seconds(score: Score, rows: Any, repeats: int) -> float:
    """The least of a few runs: the others were disturbed."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        score(rows)
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    library, path, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
    rows = np.load(path)
    found = {
        name: [seconds(score, part, repeats) for part in (rows["scored"], rows["scored"][:1])]
        for name, score in {"pyod": pyod, "alibi_detect": alibi_detect}[library](rows["fitted"])
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
