"""What happened before the story begins: a year of rides, a model of them, and its validation."""

from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

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
