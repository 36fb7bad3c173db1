import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from detectors.columns import ColumnType, Role
from detectors.reference import Reference
from monitor import batches
from monitor.aggregate.following import Follower
from monitor.apply.log_rows import PredictionLog, TrailingRows
from monitor.apply.registrar import Registrar
from monitor.detect import state
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import ARROW, Header, Registration, Watermark
from monitor.kafka.publishing import Message, Publisher
from monitor.sql import registry
from monitor.sql.database import Database, open_database
from monitor.sql.store import ArtifactStore
from tests.support.counted import HOUR, monitor, predictions
from tests.support.kafka_topics import read_until

N = 500


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/driftmeter.db")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def registrar(database: Database, embedded_broker: Broker, tmp_path: Path) -> Iterator[Registrar]:
    made = Registrar(database, ArtifactStore(str(tmp_path / "store")), embedded_broker)
    yield made
    made.close()


@pytest.fixture
def training(tmp_path: Path) -> str:
    """A file of everything that a reference may hold."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    columns = {
        "x": x,
        "zone": rng.integers(0, 5, N),
        "stop": rng.choice(["a", "b"], N),
        "note": [f"row {i}" for i in range(N)],
        "at": np.arange(N) * HOUR / 20,
        "prediction": 2 * x,
        "truth": 2 * x + 0.1,
    }
    path = tmp_path / "training.parquet"
    parquet.write_table(pa.table(columns), path)
    return str(path)


def put(database: Database, **spec: Any) -> None:
    with database.write() as connection:
        registry.put(connection, monitor(**spec), 1.0)


def latest(database: Database) -> Registration:
    with database.read() as connection:
        found = registry.get(connection, "seats")
    assert found is not None
    return found


def resolved(database: Database, registrar: Registrar, **spec: Any) -> Registration:
    put(database, **spec)
    registrar.tick(2.0)
    return latest(database)


def told(broker: Broker, n: int) -> list[Registration]:
    records = read_until(broker, broker.topics.monitors, lambda found: len(found) >= n)
    return [Registration.from_bytes(record.value) for record in records]


def test_a_file_becomes_a_reference(
    database: Database, registrar: Registrar, training: str, tmp_path: Path
) -> None:
    found = resolved(
        database,
        registrar,
        reference={"url": training, "time": "at"},
        columns={"zone": "category", "note": "ignore"},
        label="truth",
    )
    assert (found.state, found.reason) == ("active", None)
    assert found.reference_id is not None
    content = ArtifactStore(str(tmp_path / "store")).get(found.reference_id)
    reference = Reference.from_bytes(content)
    assert [(f.name, f.type, f.role) for f in reference.schema] == [
        ("x", ColumnType.FLOAT, Role.FEATURE),
        ("zone", ColumnType.CATEGORY, Role.FEATURE),
        ("stop", ColumnType.CATEGORY, Role.FEATURE),
        ("prediction", ColumnType.FLOAT, Role.PREDICTION),
    ]
    assert found.schema == reference.schema
    assert (reference.profile.n, reference.profile.n_labelled) == (N, N)
    assert len(reference.windows[HOUR]) == N / 20


def test_a_file_without_predictions_is_enough_where_no_labels_are_expected(
    database: Database, registrar: Registrar, tmp_path: Path
) -> None:
    csv.write_csv(pa.table({"x": np.arange(50.0)}), tmp_path / "x.csv")
    assert resolved(database, registrar, reference=str(tmp_path / "x.csv")).state == "active"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"reference": "/nowhere.csv"}, "no such file"),
        ({"reference": {"time": "when"}}, "when"),
        ({"reference": {}, "columns": {"speed": "float"}}, "speed"),
        ({"reference": {}, "columns": {"stop": "float"}}, "stop"),
        ({"reference": {}, "label": "verity"}, "verity"),
        ({"reference": {}, "label": "truth", "prediction": "score"}, "score"),
    ],
)
def test_a_reference_that_cannot_be_made_fails_with_its_reason(
    database: Database, registrar: Registrar, training: str, spec: dict[str, Any], reason: str
) -> None:
    source = spec.pop("reference")
    from_file = {"url": training, **source} if isinstance(source, dict) else source
    found = resolved(database, registrar, reference=from_file, **spec)
    assert found.state == "failed"
    assert reason in (found.reason or "")


def test_everybody_is_told_and_the_last_word_is_the_revision_in_force(
    database: Database, registrar: Registrar, embedded_broker: Broker, training: str
) -> None:
    resolved(database, registrar, reference=training)
    resolved(database, registrar, reference="/nowhere.csv")
    said = [(r.revision, r.state) for r in told(embedded_broker, 4)]
    assert said == [(1, "resolving"), (1, "active"), (2, "failed"), (1, "active")]
    follower = Follower(embedded_broker, client_id="t")
    assert follower.catch_up(timeout_s=60)
    assert follower.registry.registrations["seats"].revision == 1
    follower.close()


def test_a_deleted_monitor_is_told_of(
    database: Database, registrar: Registrar, embedded_broker: Broker, training: str
) -> None:
    resolved(database, registrar, reference=training)
    with database.write() as connection:
        registry.delete(connection, "seats", 3.0)
    registrar.tick(3.0)
    assert told(embedded_broker, 3)[-1].state == "deleted"


def test_a_new_registrar_tells_again_what_the_broker_may_have_forgotten(
    database: Database,
    registrar: Registrar,
    embedded_broker: Broker,
    training: str,
    tmp_path: Path,
) -> None:
    resolved(database, registrar, reference=training)
    registrar.tick(3.0)
    again = Registrar(database, ArtifactStore(str(tmp_path / "store")), embedded_broker)
    again.tick(4.0)
    again.tick(5.0)
    again.close()
    said = [(r.revision, r.state) for r in told(embedded_broker, 3)]
    assert said == [(1, "resolving"), (1, "active"), (1, "active")]


def send(broker: Broker, numbers: range, name: str = "seats") -> None:
    publisher = Publisher(broker, client_id="t")
    ids = [f"{name}-{i}" for i in numbers]
    batch = predictions(ids, [i * 60.0 for i in numbers], np.array(numbers, dtype=float))
    headers = [(Header.MONITOR.value, name.encode()), (Header.CONTENT_TYPE.value, ARROW.encode())]
    topic = broker.topics.predictions
    publisher.deliver([Message(topic, None, batches.encode(batch), headers, partition=0)])
    publisher.close()


def tick_until(registrar: Registrar, database: Database, reached: Any) -> Registration:
    for _ in range(100):
        registrar.tick(2.0)
        if reached(found := latest(database)):
            return found
    raise AssertionError(latest(database))


def test_the_first_predictions_become_a_reference(
    database: Database, registrar: Registrar, embedded_broker: Broker, tmp_path: Path
) -> None:
    put(database, reference="first 150", label="truth")
    send(embedded_broker, range(100))
    send(embedded_broker, range(300), name="another")
    waiting = tick_until(registrar, database, lambda found: found.reason is not None)
    assert (waiting.state, waiting.reason) == ("resolving", "waits for predictions: 100 of 150")
    send(embedded_broker, range(100, 200))
    found = tick_until(registrar, database, lambda found: found.state != "resolving")
    assert found.reference_id is not None
    content = ArtifactStore(str(tmp_path / "store")).get(found.reference_id)
    reference = Reference.from_bytes(content)
    assert reference.profile.n == 150
    assert (reference.profile.first_time, reference.profile.last_time) == (0.0, 149 * 60.0)
    assert [f.name for f in reference.schema] == ["x", "prediction"]
    assert reference.prediction == "prediction"


def test_a_trailing_window_of_predictions_becomes_a_reference(
    database: Database, registrar: Registrar, embedded_broker: Broker, tmp_path: Path
) -> None:
    put(database, reference="trailing 2h")
    send(embedded_broker, range(100))
    waiting = tick_until(registrar, database, lambda found: found.reason is not None)
    assert waiting.reason is not None
    assert waiting.reason.endswith("2h are wanted")
    send(embedded_broker, range(100, 200))
    found = tick_until(registrar, database, lambda found: found.state != "resolving")
    assert found.reference_id is not None
    content = ArtifactStore(str(tmp_path / "store")).get(found.reference_id)
    reference = Reference.from_bytes(content)
    assert (reference.profile.first_time, reference.profile.last_time) == (80 * 60.0, 199 * 60.0)
    assert reference.profile.n == 120


def test_a_trailing_reference_moves_on_when_its_window_has_passed(
    database: Database, registrar: Registrar, embedded_broker: Broker, tmp_path: Path
) -> None:
    put(database, reference="trailing 2h")
    send(embedded_broker, range(150))
    first = tick_until(registrar, database, lambda found: found.state != "resolving")
    hear(database, embedded_broker, event_time=268 * 60.0)  # not two hours later
    send(embedded_broker, range(150, 270))
    registrar.tick(3.0)
    assert latest(database) == first
    hear(database, embedded_broker, event_time=269 * 60.0)
    second = tick_until(registrar, database, lambda found: found.reference_id is not None)
    assert (second.revision, second.monitor) == (2, first.monitor)
    spans = []
    for one in (first, second):
        content = ArtifactStore(str(tmp_path / "store")).get(one.reference_id or "")
        profile = Reference.from_bytes(content).profile
        spans.append((profile.first_time, profile.last_time))
    assert spans == [(30 * 60.0, 149 * 60.0), (150 * 60.0, 269 * 60.0)]
    registrar.tick(4.0)
    assert latest(database) == second
    last_told = [(r.revision, r.reference_id) for r in told(embedded_broker, 3)][-1]
    assert last_told == (2, second.reference_id)


def test_while_a_monitor_is_paused_its_trailing_reference_stays(
    database: Database, registrar: Registrar, embedded_broker: Broker
) -> None:
    put(database, reference="trailing 2h")
    send(embedded_broker, range(150))
    first = tick_until(registrar, database, lambda found: found.state != "resolving")
    with database.write() as connection:
        registry.pause(connection, "seats", 2.5)
    hear(database, embedded_broker, event_time=500 * 60.0)
    registrar.tick(3.0)
    assert latest(database).reference_id == first.reference_id
    with database.write() as connection:
        registry.pause(connection, "seats", 3.5, paused=False)
    registrar.tick(4.0)
    assert latest(database).revision == 4


def hear(database: Database, broker: Broker, *, event_time: float) -> None:
    """As detect does of predictions that were counted."""
    topic = broker.topics.predictions
    mark = Watermark(monitor="seats", topic=topic, partition=0, event_time=event_time, offset=1)
    with database.write() as connection:
        state.write_watermarks(connection, [mark], 3.0)


def test_of_a_large_trailing_window_a_part_is_kept_whatever_it_comes_in(
    embedded_broker: Broker, training: str
) -> None:
    known = Registration(monitor=monitor(reference="trailing 1h"), revision=1, state="resolving")
    for first in range(0, 400, 100):
        send(embedded_broker, range(first, first + 100))
    kept = []
    for most_rows in (1_000, 250):
        rows = TrailingRows(PredictionLog(embedded_broker, known), 5 * HOUR, most_rows=most_rows)
        while rows.batches is None:
            rows.poll()
        kept.append({i for b in rows.batches or () for i in b[batches.ID].to_pylist()})
        rows.close()
    every, some = kept
    assert len(every) == 300
    assert some == {i for i in every if zlib.crc32(i.encode()) % 2 == 0}


@pytest.mark.parametrize("scheme", ["memory", "file", "http"])
def test_a_reference_may_be_anywhere_that_fsspec_opens(
    scheme: str, database: Database, registrar: Registrar, tmp_path: Path
) -> None:
    csv.write_csv(pa.table({"x": np.arange(50.0)}), tmp_path / "x.csv")
    with ExitStack() as stack:
        if scheme == "memory":
            url = "memory://references/x.csv"
            fsspec.filesystem("memory").pipe("/references/x.csv", (tmp_path / "x.csv").read_bytes())
        elif scheme == "file":
            url = f"file://{tmp_path}/x.csv"
        else:
            url = stack.enter_context(served(tmp_path)) + "/x.csv"
        found = resolved(database, registrar, reference=url)
    assert (found.state, found.reason) == ("active", None)
    assert [field.name for field in found.schema] == ["x"]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a web server of a folder's files."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_superseded_wait_ends(
    database: Database, registrar: Registrar, embedded_broker: Broker, training: str
) -> None:
    resolved(database, registrar, reference="first 150")
    assert resolved(database, registrar, reference=training).state == "active"
    registrar.tick(4.0)
    assert registrar._gatherings == {}
