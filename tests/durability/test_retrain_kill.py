"""The server is killed while it asks for retrains: everybody is asked, and nobody for two runs."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import orjson
import pytest

from alerts.webhooks import new_secret
from monitor.kafka.connecting import Broker
from monitor.retraining import asking, records
from monitor.spec.model import Monitor
from monitor.sql import registry
from monitor.sql.database import Database, open_database
from monitor.up.supervisor import free_port
from tests.alerts import endpoint
from tests.monitor.retraining.days import NOW, Days, monitor
from tests.support.roles import answers
from tests.support.waiting import wait_for

N_MONITORS, N_KILLS = 2, 1


def serve(broker: Broker, folder: Path) -> "subprocess.Popen[bytes]":
    port = free_port()
    flags = {
        "--broker": broker.servers[0],
        "--topic-prefix": broker.topics.prefix,
        "--database": f"sqlite:///{folder}/driftmeter.db",
        "--store": f"{folder}/references",
        "--listen": f"127.0.0.1:{port}",
        "--webhook-allow": "127.0.0.0/8",
    }
    argv = [sys.executable, "-m", "monitor", "serve", *(x for pair in flags.items() for x in pair)]
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(argv, stderr=log)
    wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz") or process.poll() is not None)
    return process


def watched(number: int, url: str, secret_file: Path) -> Monitor:
    hook = {"url": f"{url}/202", "secret_file": str(secret_file)}
    made = monitor({"webhooks": [hook], "cooldown": "0s"})
    named = made.metadata.model_copy(update={"name": f"model-{number}"})
    return made.model_copy(update={"metadata": named})


def drift(database: Database, wanted: Monitor) -> list[str]:
    """Two incidents of a monitor, one after the other: what came of asking for retrains."""
    days = Days(database, wanted)
    answered = [*days.drift(), *days.drift()]
    days.quiet()
    return [*map(str, answered), *map(str, days.drift())]


@pytest.mark.timeout(600)
def test_kill_9_loses_no_request_and_starts_no_second_one(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    database = open_database(f"sqlite:///{tmp_path}/driftmeter.db")
    (tmp_path / "secret").write_text(new_secret(lambda n: b"k" * n))
    with endpoint.listening(endpoint.by_path) as receiver:
        monitors = [watched(n, receiver.url, tmp_path / "secret") for n in range(N_MONITORS)]
        for number, one in enumerate(monitors):
            with database.write() as connection:
                registry.put(connection, one, NOW)
            process = serve(embedded_broker, tmp_path)
            answered = drift(database, one)
            assert answered[0] == "requested"
            assert "requested" not in answered[1:]
            if number < N_KILLS:
                process.kill()
            else:
                wait_for(lambda: len(_ids(receiver)) > number)  # noqa: B023  it waits here
                process.send_signal(signal.SIGTERM)
            process.wait()
        told = _ids(receiver)
    with database.read() as connection:
        found = records.latest(connection)
        decisions = asking.decisions(connection)
    database.engine.dispose()
    assert set(told) == {record.id for record in found}
    assert len(found) == N_MONITORS
    assert sum(told.values()) <= N_MONITORS + N_KILLS
    assert {decision["answer"] for decision in decisions} == {"another retrain is in flight"}


def _ids(receiver: endpoint.Endpoint) -> Counter[str]:
    """How often each request was told; every attempt has the same id."""
    for request in receiver.requests:
        assert request.headers["webhook-id"] == orjson.loads(request.body)["id"]
    return Counter(request.headers["webhook-id"] for request in receiver.requests)
