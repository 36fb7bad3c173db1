"""Trains detectors with alibi-detect and saves them, one folder each; run by its own Python.

python train_detectors.py FOLDER NAME ...
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = 4


def reference() -> Any:
    return np.random.default_rng(0).normal(size=(500, COLUMNS))


def drift() -> Any:
    from alibi_detect.cd import KSDrift  # noqa: PLC0415

    return KSDrift(reference(), p_val=0.05)


def outlier() -> Any:
    from alibi_detect.od import Mahalanobis  # noqa: PLC0415

    detector = Mahalanobis(threshold=50.0)
    detector.predict(reference())
    return detector


def save(folder: Path, name: str) -> None:
    from alibi_detect.saving import save_detector  # noqa: PLC0415

    save_detector({"drift": drift, "outlier": outlier}[name](), str(folder / name))


if __name__ == "__main__":
    for wanted in sys.argv[2:]:
        save(Path(sys.argv[1]), wanted)
