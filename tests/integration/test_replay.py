"""Windows made again from a real log, beside what was reported of them."""

import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from kafka import KafkaAdminClient
from kafka.structs import TopicPartition
from sqlalchemy import delete, select, update

from alerts.notification import rfc3339
from monitor import cli
from monitor.apply.registrar import Registrar
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.kafka.publishing import Publisher
from monitor.sql import tables
from monitor.sql.database import open_database
from monitor.sql.store import ArtifactStore
from tests.integration.pipeline import HOUR, START, Pipeline, on_sqlite, spec, write_reference
from tests.support.brokers import on_embedded


@pytest.fixture
def pipeline(broker: Broker, database_url: str, tmp_path: Path) -> Iterator[Pipeline]:
    with made_for(broker, database_url, tmp_path) as made:
        yield made


@pytest.fixture
def apache_pipeline(apache_address: str, database_url: str, tmp_path: Path) -> Iterator[Pipeline]:
    broker = Broker(servers=(apache_address,), topics=Topics(f"replay-{os.urandom(4).hex()}."))
    broker.create_topics()
    with made_for(broker, database_url, tmp_path) as made:
        yield made


@contextmanager
def made_for(broker: Broker, database_url: str, tmp_path: Path) -> Iterator[Pipeline]:
    database = open_database(database_url)
    registrar = Registrar(database, ArtifactStore(str(tmp_path / "store")), broker)
    publisher = Publisher(broker, client_id="test")
    with ExitStack() as processes:
        yield Pipeline(broker, database, database_url, tmp_path, processes, registrar, publisher)
    publisher.close()
    registrar.close()
    database.engine.dispose()


def replay(pipeline: Pipeline, since: float, until: float, *flags: str) -> list[str]:
    """The command line that replays some hours."""
    return [
        *("replay", "seats", "--from", rfc3339(START + since * HOUR)),
        *("--to", rfc3339(START + until * HOUR), "--broker", pipeline.broker.servers[0]),
        *("--topic-prefix", pipeline.broker.topics.prefix, "--database", pipeline.database_url),
        *("--store", str(pipeline.folder / "store"), *flags),
    ]


def replayed(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str], *, since: float = 0, to: float
) -> Any:
    code = cli.main(replay(pipeline, since, to, "--json"))
    told = capsys.readouterr()
    assert code in (0, 1), told.err
    return code, orjson.loads(told.out)["windows"]


def told_to_run(pipeline: Pipeline) -> list[str]:
    """The arguments of the command that the only alert names, as a shell would pass them."""
    with pipeline.database.read() as connection:
        [event] = connection.scalars(select(tables.outbox.c.payload))
    program, *arguments = shlex.split(event["data"]["replay"])
    assert program == "driftmeter"
    return arguments


@on_sqlite
@on_embedded
def test_late_labels_and_late_rows_are_where_they_were_and_an_alert_s_command_runs_as_it_is(
    pipeline: Pipeline,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hook = {"name": "pager", "url": "https://example.org/hook", "secret_file": "/secret"}
    pipeline.apply(**spec(write_reference(tmp_path), alerts={"webhooks": [hook]}))
    pipeline.start_all()
    ids, times, truths = pipeline.hour(0)
    pipeline.hour(1)
    pipeline.until(lambda found: len(found) == 1)
    pipeline.label(ids, times, truths)
    late = np.linspace(-1, 1, 40)
    values = {"x": late, "y": late, "prediction": 2 * late}
    pipeline.send([f"late-{i}" for i in range(40)], START + HOUR * (1 + late) / 2.01, values)
    pipeline.hour(2, shift=2.0)
    pipeline.hour(3)
    pipeline.until(
        lambda found: (
            len(found) == 3
            and (found[0]["realised"] or {}).get("n") == 200
            and [report["n_rows"] for report in found] == [240, 200, 200]
        )
    )
    code, windows = replayed(pipeline, capsys, to=3)
    assert [one["differences"] for one in windows] == [[], [], []]
    assert (code, {one["source"] for one in windows}) == (0, {"rows"})
    monkeypatch.setenv("DRIFTMETER_BROKER", pipeline.broker.servers[0])
    monkeypatch.setenv("DRIFTMETER_TOPIC_PREFIX", pipeline.broker.topics.prefix)
    monkeypatch.setenv("DRIFTMETER_DATABASE", pipeline.database_url)
    monkeypatch.setenv("DRIFTMETER_STORE", str(tmp_path / "store"))
    assert cli.main(told_to_run(pipeline)) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("seats: 1 window, ")
    assert "drift" in shown
    assert "Every report is the same." in shown


@on_sqlite
@on_embedded
def test_what_was_changed_since_is_found_and_what_is_not_there_is_said(
    pipeline: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.apply(**spec(write_reference(tmp_path)))
    pipeline.start_all()
    pipeline.hour(0)
    pipeline.hour(1)
    (before,) = pipeline.until(lambda found: len(found) == 1)
    with pipeline.database.write() as connection:
        connection.execute(update(tables.reports).values(body={**before, "n_rows": 199}))
    code, ((window,)) = replayed(pipeline, capsys, to=1)
    assert code == 1
    assert window["differences"] == [{"path": "n_rows", "reported": 199, "replayed": 200}]
    assert cli.main(replay(pipeline, 50, 51)) == 2
    assert "no window" in capsys.readouterr().err


@on_sqlite
@on_embedded
@pytest.mark.timeout(400)
def test_what_stands_beside_the_decision_is_made_again_too(
    pipeline: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    detection = {"compare_with": [{"trailing": "3h"}], "sample_tests": ["energy"]}
    asked = {"detection": detection, "sample_rows": 200}
    pipeline.apply(**spec(write_reference(tmp_path), **asked))
    pipeline.start_all()
    for number in range(6):
        pipeline.hour(number, shift=0.3 * number)
    pipeline.until(
        lambda found: len(found) == 5 and not any(one["sample"]["is_pending"] for one in found),
        timeout_s=300.0,
    )
    code, windows = replayed(pipeline, capsys, to=5)
    assert (code, [one["left_out"] for one in windows]) == (0, [[]] * 5)
    with pipeline.database.write() as connection:
        said = {"tests": [{"name": "energy", "p_value": 1.0}], "detectors": [], "reason": None}
        connection.execute(update(tables.examinations).values(said=said))
        connection.execute(delete(tables.past_windows))
    code, windows = replayed(pipeline, capsys, since=4, to=5)
    paths = {difference["path"] for one in windows for difference in one["differences"]}
    assert (code, "tests.energy.p_value" in paths) == (1, True)
    assert [one["left_out"] for one in windows] == [["comparisons"]]
    assert cli.main(replay(pipeline, 4, 5)) == 1
    assert "; without its comparisons" in capsys.readouterr().out


@on_sqlite
@pytest.mark.xdist_group("apache-kafka")
def test_where_rows_are_gone_their_profiles_are_taken_and_then_it_is_said(
    apache_pipeline: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline = apache_pipeline
    pipeline.apply(**spec(write_reference(tmp_path)))
    aggregate, _ = pipeline.start_all()
    pipeline.hour(0)
    pipeline.hour(1)
    pipeline.until(lambda found: [report["n_rows"] for report in found] == [200])
    os.kill(aggregate, signal.SIGKILL)  # what it has no answer of yet it would publish once more
    expire(pipeline.broker, pipeline.broker.topics.predictions)
    code, (window,) = replayed(pipeline, capsys, to=1)
    assert (code, window["source"], window["differences"]) == (0, "profiles", [])
    expire(pipeline.broker, pipeline.broker.topics.profiles)
    assert cli.main(replay(pipeline, 0, 1)) == 2
    assert "Of none of these windows the log has all rows" in capsys.readouterr().err


def expire(broker: Broker, topic: str) -> None:
    """Lets a topic forget all that it has."""
    admin = KafkaAdminClient(bootstrap_servers=list(broker.servers))
    consumer = broker.consumer(client_id="test")
    places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
    admin.delete_records({at: end for at, end in consumer.end_offsets(places).items() if end})
    consumer.close()
    admin.close()
