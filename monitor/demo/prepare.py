"""What happened before the story begins: a year of rides, a model of them, and its validation.

`python -m monitor.demo.prepare --folder FOLDER` prepares a folder for processes that are started
one by one, as compose.yaml does.
"""

import argparse
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from monitor.demo import model, world
from monitor.demo.rides import simulate
from monitor.demo.world import Folder


def rides(period: tuple[date, int]) -> pa.Table:
    """The rides of a period in the past: its first day, and how many days."""
    first_day, days = period
    return simulate(first_day, days, world.ROWS_PER_DAY, world.SEED)


def write_model(folder: Folder, training: pa.Table) -> model.SeatModel:
    """Trains the first model."""
    first = model.train(training, world.SEED)
    model.save(first, folder.models, version=1)
    return first


def write_reference(folder: Folder, first: model.SeatModel, validation: pa.Table) -> float:
    """Writes what the first model said of its validation rides; returns its mean error."""
    reference = model.predicted(validation, first)
    pq.write_table(reference, folder.reference(version=1))
    return model.mean_error(reference)


def write_watched(folder: Folder, alertmanager: str) -> None:
    """Writes the document of a world in which nobody retrains: alerts go to Alertmanager."""
    folder.write_monitor("http://127.0.0.1/retrain")
    document: dict[str, Any] = folder.document(version=1).to_json()
    spec = {key: value for key, value in document["spec"].items() if key != "retrain"}
    told = {"name": "alertmanager", "alertmanager": {"urls": [alertmanager]}}
    spec["alerts"] = {**spec["alerts"], "channels": [told]}
    folder.monitor.write_text(yaml.safe_dump({**document, "spec": spec}, sort_keys=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--alertmanager", metavar="URL", required=True)
    args = parser.parse_args()
    folder = Folder(args.folder)
    if folder.reference(version=1).exists():
        return
    first = write_model(folder, rides(world.TRAINING))
    write_watched(folder, args.alertmanager)
    write_reference(folder, first, rides(world.VALIDATION))


if __name__ == "__main__":
    main()
