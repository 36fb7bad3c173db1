"""Two collectors in front of one model; one after the other is told to end, under load."""

import random
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor, free_port
from tests.support.clients import Clients
from tests.support.http_model import HttpModel
from tests.support.kafka_topics import read_until
from tests.support.long import LONG
from tests.support.recorders import all_of
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector, start


@pytest.mark.parametrize("n_ends", [2, pytest.param(100, marks=LONG)])
def test_whoever_asks_twice_at_most_notices_nothing_and_no_prediction_is_lost(
    embedded_broker: Broker, tmp_path: Path, model: HttpModel, n_ends: int
) -> None:
    announce(embedded_broker, registration())
    ports = [(free_port(), free_port()) for _ in range(2)]
    bits = random.Random(3)

    def begin(i: int) -> RunningCollector:
        supervisor = running.enter_context(Supervisor(tmp_path / f"logs-{i}"))
        spool, upstream = tmp_path / f"spool-{i}", model.address
        return start(supervisor, embedded_broker, spool, upstream=upstream, ports=ports[i])

    with ExitStack() as running:
        collectors = [begin(i) for i in range(2)]
        clients = Clients([listen for listen, _ in ports])
        with clients.asking():
            for n in range(n_ends):
                time.sleep(bits.uniform(0.1, 0.5))  # the moment of the end, no wait for anything
                collectors[n % 2].terminate()
                assert collectors[n % 2].exit_code() == 0
                collectors[n % 2] = begin(n % 2)
        assert clients.failures == []
        sent = clients.readable()
        topic = embedded_broker.topics.predictions
        read_until(embedded_broker, topic, all_of(sent), 60.0)
        print(f"{n_ends} ends, {len(clients.answered)} requests answered")
