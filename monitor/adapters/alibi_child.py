"""Runs one saved alibi-detect detector on one file of rows, in an environment of alibi-detect's.

    python -I alibi_child.py FOLDER ROWS.npy ANSWER.json MEMORY_BYTES CPU_S

Started by `monitor.adapters.alibi`; it imports nothing of Driftmeter, which is not installed
there. Whatever goes wrong is in the answer, or it is the process's end that tells.
"""

from __future__ import annotations  # alibi-detect runs on Pythons older than ours

import json
import resource
import sys
from pathlib import Path
from typing import Any


def main(arguments: list[str]) -> None:
    folder, rows, answer, memory_bytes, cpu_s = arguments
    _limit(int(memory_bytes), int(cpu_s))
    found: dict[str, Any]
    try:
        found = _predict(folder, rows)
    except MemoryError:
        found = {"error": f"it needs more than {int(memory_bytes) >> 20} MiB of memory"}
    except Exception as error:  # noqa: BLE001 - code out of a pickle may raise anything
        found = {"error": f"{type(error).__name__}: {error}"[:2000]}
    Path(answer).write_text(json.dumps(found), "utf-8")


def _limit(memory_bytes: int, cpu_s: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _predict(folder: str, rows: str) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415 - under the limits
    from alibi_detect.saving import load_detector  # noqa: PLC0415

    detector = load_detector(folder)
    data = detector.predict(np.load(rows, allow_pickle=False))["data"]
    numbers = {key: _numbers(data.get(key)) for key in ("p_val", "distance", "threshold")}
    if "is_outlier" in data:
        return {
            "name": detector.meta["name"],
            "is_outlier": [bool(flag) for flag in data["is_outlier"]],
            "scores": _numbers(data.get("instance_score")),
        }
    return {"name": detector.meta["name"], "is_drift": bool(np.any(data["is_drift"])), **numbers}


def _numbers(value: object) -> list[float | None]:
    import numpy as np  # noqa: PLC0415

    flat = np.atleast_1d(np.asarray([] if value is None else value, dtype=np.float64)).ravel()
    return [float(number) if np.isfinite(number) else None for number in flat]


if __name__ == "__main__":
    main(sys.argv[1:])
