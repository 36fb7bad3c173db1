"""The two processes of a collector, of which one is killed."""

import http.client
import os
import random
import signal
import time
from pathlib import Path

import pytest

from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor
from tests.support.clients import ANSWER, Clients
from tests.support.http_model import HttpModel
from tests.support.kafka_topics import read_until
from tests.support.long import LONG
from tests.support.recorders import has_rows, ids, is_balanced, kill_recorder, recorder_of
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector, start
from tests.support.waiting import wait_for


@pytest.mark.parametrize("n_kills", [2, pytest.param(25, marks=LONG)])
def test_a_killed_recorder_costs_no_prediction_and_doubles_none(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path, model: HttpModel, n_kills: int
) -> None:
    announce(embedded_broker, registration())
    collector = start(supervisor, embedded_broker, tmp_path / "spool", upstream=model.address)
    clients, bits = Clients([collector.listen]), random.Random(7)
    with clients.asking():
        for _ in range(n_kills):
            time.sleep(bits.uniform(0.05, 1.5))  # the moment of the kill, no wait for anything
            kill_recorder(collector)
    assert clients.failures == []
    wait_for(is_balanced(collector, len(clients.answered)), timeout_s=60.0)
    n = int(collector.count("recorded_total"))
    topic = embedded_broker.topics.predictions
    found = ids(read_until(embedded_broker, topic, has_rows(n), 60.0))
    assert len(found) == len(set(found)) == n
    assert set(found) <= clients.readable()
    print(f"{n_kills} kills, {len(clients.answered)} requests answered, {n} of them recorded")


def test_a_recorder_that_is_killed_while_it_starts_is_started_again(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path, model: HttpModel
) -> None:
    announce(embedded_broker, registration())
    collector = start(supervisor, embedded_broker, tmp_path / "spool", upstream=model.address)
    process = supervisor.pid("collect")
    for _ in range(2):
        wait_for(lambda: recorder_of(process) is not None)
        recorder = recorder_of(process)
        assert recorder is not None
        os.kill(recorder, signal.SIGKILL)
        assert collector.predict("1") == ANSWER
    wait_for(lambda: recorder_of(process) is not None)
    wait_for(lambda: recorded(collector) == 2, timeout_s=60.0)


def recorded(collector: RunningCollector) -> float:
    """0 while there is no recorder to ask."""
    try:
        return collector.count("recorded_total")
    except (OSError, http.client.HTTPException):
        return 0.0


def test_a_recorder_whose_proxy_was_killed_stores_what_it_has_and_leaves(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path, model: HttpModel
) -> None:
    announce(embedded_broker, registration())
    spool, upstream = tmp_path / "spool", model.address
    with Supervisor(tmp_path / "first", stop_timeout_s=0.0) as processes:
        collector = start(processes, embedded_broker, spool, upstream=upstream)
        assert collector.predict("1") == ANSWER
        wait_for(lambda: collector.count("recorded_total") == 1)
        recorder = recorder_of(processes.pid("collect"))
        os.kill(processes.pid("collect"), signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{recorder}").exists())
    start(supervisor, embedded_broker, spool, upstream=upstream)
    topic = embedded_broker.topics.predictions
    assert set(ids(read_until(embedded_broker, topic, bool))) == {"1"}
