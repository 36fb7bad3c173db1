"""Endpoints in trouble: when they are called no more, and that they delay nobody else."""

from itertools import accumulate
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.delivery import LADDER_S
from monitor.server.deliveries import endpoints
from monitor.server.deliveries.worker import WORKERS, WORKERS_FOR_FAILING
from monitor.sql import tables
from monitor.sql.database import Database
from tests.monitor.server.conftest import DAY, NOW
from tests.monitor.server.deliveries.delivering import (
    Receiver,
    deliver,
    post,
    state,
    states,
    worker,
)
from tests.support.waiting import wait_for


def test_an_endpoint_that_is_gone_is_called_no_more_for_anything(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    post(database, receiver.url, secret_file)
    receiver.status = 410
    deliver(database)
    post(database, receiver.url, secret_file, "another")
    deliver(database, NOW + 1e6)
    assert state(database)[:2] == ("gone", 1)
    assert state(database, "another")[:2] == ("pending", 0)
    assert len(receiver.received) == 1


def test_an_endpoint_that_fails_for_three_days_is_disabled_and_what_comes_waits(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    receiver.status = 503
    fails_for_three_days(database, receiver.url, secret_file)
    receiver.status = 200
    post(database, receiver.url, secret_file, "later", age_s=-4 * DAY)
    deliver(database, NOW + 5 * DAY)
    assert state(database, "later")[:2] == ("pending", 0)
    with database.read() as connection:
        [disabled] = connection.execute(select(tables.endpoints)).all()
    assert (disabled.disabled_at, disabled.failing_since) == (NOW + sum(LADDER_S), NOW)
    assert disabled.reason == "10 attempts failed in 3.1 days, the last with: HTTP 503"


def test_an_endpoint_that_is_enabled_gets_what_has_waited_at_once(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    receiver.status = 503
    fails_for_three_days(database, receiver.url, secret_file)
    receiver.status = 200
    post(database, receiver.url, secret_file, "later", age_s=-4 * DAY)
    with database.write() as connection:
        place = connection.scalar(select(tables.endpoints.c.place)) or ""
        assert endpoints.enable(connection, place, NOW + 5 * DAY) is not None
        assert endpoints.enable(connection, "endpoint_unknown", NOW) is None
    deliver(database, NOW + 5 * DAY)
    assert state(database, "later")[:2] == ("delivered", 1)


def test_a_failure_now_and_then_does_not_disable(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    for day in range(20):
        receiver.status = 503 if day % 2 else 200
        post(database, receiver.url, secret_file, str(day), age_s=-day * DAY)
        deliver(database, NOW + day * DAY)
    with database.read() as connection:
        assert connection.scalar(select(tables.endpoints.c.disabled_at)) is None


def fails_for_three_days(database: Database, url: str, secret_file: Path) -> None:
    post(database, url, secret_file)
    for wait in (0, *accumulate(LADDER_S)):
        deliver(database, NOW + wait)


@pytest.mark.timeout(600)
def test_one_dead_endpoint_among_a_hundred_delays_nobody(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    receiver.held = "/dead"
    receiver.gate.clear()
    for n in range(20):
        post(database, f"{receiver.url}/dead", secret_file, f"dead {n}", age_s=99, timeout_s=250.0)
    for n in range(198):
        post(database, f"{receiver.url}/{n % 99}", secret_file, str(n), age_s=9)
    working = worker(database)
    wait_for(
        lambda: working.tick(NOW) == 0 and states(database)["delivered"] == 198, timeout_s=200.0
    )
    assert states(database) == {"delivered": 198, "pending": 20}
    assert sum(path.endswith("/dead") for path in receiver.paths) == 1
    receiver.gate.set()
    working.close()


def test_those_that_fail_leave_threads_to_the_others(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    receiver.status = 503
    for n in range(WORKERS):
        post(database, f"{receiver.url}/dead/{n}", secret_file, str(n), age_s=9)
    deliver(database)
    receiver.gate.clear()
    post(database, f"{receiver.url}/well", secret_file, "well")
    working = worker(database)
    assert working.tick(NOW + 5) == WORKERS_FOR_FAILING + 1
    receiver.gate.set()
    working.close()
    assert state(database, "well")[1] == 1


def test_a_slow_endpoint_delays_nobody_else(
    database: Database, receiver: Receiver, secret_file: Path
) -> None:
    receiver.gate.clear()
    post(database, receiver.url, secret_file, "slow", age_s=9)
    post(database, receiver.url, secret_file, "behind it")
    post(database, "http://127.0.0.1:1/refused", secret_file, "other")
    working = worker(database)
    assert working.tick(NOW) == 2
    assert working.tick(NOW) == 0
    receiver.gate.set()
    working.close()
    assert state(database, "slow")[0] == "delivered"
    assert state(database, "behind it") == ("pending", 0, NOW)
    assert state(database, "other")[:2] == ("pending", 1)
