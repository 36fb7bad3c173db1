"""Monitors with a fitted reference, and logs of messages for them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from detectors.columns import ColumnType, Field, Floats, Role, Rows
from detectors.reference import Reference
from monitor import batches
from monitor.kafka.messages import ARROW, Header, Registration
from monitor.kafka.records import Record
from monitor.spec.model import Monitor
from monitor.sql.store import ArtifactStore

HOUR = 3600.0
SCHEMA = (
    Field("x", ColumnType.FLOAT),
    Field("prediction", ColumnType.FLOAT, Role.PREDICTION),
)


def monitor(name: str = "seats", **spec: Any) -> Monitor:
    """A monitor of hourly windows that close at once; `spec` overrides."""
    document = {
        "apiVersion": "driftmeter.dev/v1",
        "kind": "Monitor",
        "metadata": {"name": name},
        "spec": {"reference": "reference.csv", "lateness": "0s", **spec},
    }
    return Monitor.model_validate(document)


def fit_reference(seed: int = 0, n_hours: int = 25, n: int = 100) -> Reference:
    """Quiet hours of standard normal values; the prediction is twice x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_hours * n)
    rows = Rows({"x": x, "prediction": 2 * x}, len(x))
    return Reference.fit(
        rows,
        SCHEMA,
        times=np.repeat(np.arange(n_hours) * HOUR, n),
        window_lengths_s=(HOUR,),
        prediction="prediction",
        label=2 * x + rng.normal(scale=0.1, size=len(x)),
    )


def keep(reference: Reference, folder: Path) -> ArtifactStore:
    """A store in a folder that holds the reference."""
    store = ArtifactStore(str(folder))
    store.put(reference.to_bytes())
    return store


def registered(reference: Reference, monitor: Monitor, revision: int = 1) -> Registration:
    return Registration(
        monitor=monitor,
        revision=revision,
        state="active",
        reference_id=reference.id,
        schema=reference.schema,
    )


def predictions(ids: Sequence[str], times: Sequence[float] | Floats, x: Floats) -> pa.RecordBatch:
    columns = {"x": pa.array(x), "prediction": pa.array(2 * x)}
    return batches.predictions(
        ids, times, [None] * len(ids), batches.conform(columns, SCHEMA, n=len(x))
    )


def record(
    topic: str,
    offset: int,
    batch: pa.RecordBatch,
    *,
    name: str = "seats",
    partition: int = 0,
    time: float = 1e9,
) -> Record:
    """A message of a log; by default long after all event times."""
    headers = [(Header.MONITOR.value, name.encode()), (Header.CONTENT_TYPE.value, ARROW.encode())]
    return Record(
        topic=topic,
        partition=partition,
        offset=offset,
        time=time,
        value=batches.encode(batch),
        headers=headers,
    )
